import pytest
import torch

from fer.data.image_folder import stratified_split


def test_keeps_each_classs_share():
    labels = torch.tensor([0] * 100 + [1] * 10 + [2] * 2 + [3])[
        torch.randperm(113, generator=torch.Generator().manual_seed(0))
    ]
    stays, drawn = stratified_split(labels, 0.2, seed=3)
    assert torch.cat([stays, drawn]).sort().values.tolist() == list(range(113))
    assert labels[drawn].bincount(minlength=4).tolist() == [20, 2, 1, 0]
    assert labels[stays].bincount(minlength=4).tolist() == [80, 8, 1, 1]


def test_depends_on_the_seed_alone():
    labels = torch.arange(200) % 7
    first, again, other = (stratified_split(labels, 0.3, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first == sorted(first)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_refuses_a_share_that_is_none(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        stratified_split(torch.zeros(5, dtype=torch.int64), share, 0)
