import pytest
import torch

from fer.data.faces import Faces
from fer.data.loader import EpochBatches, FaceLoader


def _flat(batches):
    return [index for batch in batches for index in batch]


def test_each_face_once_per_epoch_in_an_order_of_its_own():
    batches = EpochBatches(100, 32, shuffle=True, seed=1)
    first = _flat(batches)
    assert sorted(first) == list(range(100))
    batches.set_epoch(1)
    second = _flat(batches)
    assert sorted(second) == list(range(100))
    assert first != second
    assert len(batches) == 4
    assert _flat(EpochBatches(100, 32, shuffle=True, seed=1)) == first
    assert _flat(EpochBatches(100, 32, shuffle=True, seed=2)) != first


@pytest.mark.parametrize(("size", "world"), [(100, 2), (97, 3), (65, 2), (10, 7)])
def test_processes_share_the_faces_in_equally_many_batches(size, world):
    ranks = [list(EpochBatches(size, 16, True, 0, rank, world)) for rank in range(world)]
    assert sorted(index for batches in ranks for index in _flat(batches)) == list(range(size))
    assert len({len(batches) for batches in ranks}) == 1
    assert all(len(batch) <= 16 for batches in ranks for batch in batches)
    assert all(len(batches) == len(EpochBatches(size, 16, True, 0, 0, world)) for batches in ranks)


def test_fewer_faces_than_processes_is_an_error():
    with pytest.raises(ValueError, match="2 faces cannot be shared by 3"):
        EpochBatches(2, 16, True, 0, 0, 3)


def test_resuming_serves_the_rest_of_the_epoch_then_whole_ones():
    batches = EpochBatches(100, 10, shuffle=True, seed=5)
    iterator = iter(batches)
    served = [next(iterator) for _ in range(4)]
    state = batches.state_dict()
    resumed = EpochBatches(100, 10, shuffle=True, seed=5)
    resumed.load_state_dict(state)
    assert _flat(served) + _flat(resumed) == _flat(EpochBatches(100, 10, shuffle=True, seed=5))
    assert len(_flat(resumed)) == 100


def test_batches_are_slices_of_the_one_tensor():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 2, 2)
    faces = Faces(images, torch.arange(6))
    loader = FaceLoader(faces, EpochBatches(6, 4, shuffle=False))
    (first, labels), (second, _) = list(loader)
    assert first.dtype == torch.uint8
    assert first.shape == (4, 1, 2, 2)
    assert labels.tolist() == [0, 1, 2, 3]
    assert second[:, 0, 0, 0].tolist() == [4, 5]
