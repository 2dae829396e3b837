import pytest
import torch

from fer.models.small_resnet import SmallResNet


def test_stages_halve_the_size_and_have_their_widths():
    network, sizes = SmallResNet(widths=(8, 16, 32), blocks=(1, 2, 1), stem=4).eval(), []
    x = network.stem(torch.zeros(1, 1, 48, 48))
    for block in network.blocks:
        x = block(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(8, 24, 24), (16, 12, 12), (16, 12, 12), (32, 6, 6)]


@pytest.mark.parametrize("size", [45, 49, 64])
def test_any_size_gives_logits(size):
    assert SmallResNet().eval()(torch.zeros(2, 1, size, size + 3)).shape == (2, 7)


def test_it_stays_below_a_million_parameters():
    assert sum(p.numel() for p in SmallResNet().parameters()) < 1_000_000


@pytest.mark.parametrize("wrong", [{"blocks": (1, 2)}, {"widths": (), "blocks": ()}])
def test_stages_without_a_number_are_refused(wrong):
    with pytest.raises(ValueError, match=r"model\.widths and model\.blocks"):
        SmallResNet(**wrong)
