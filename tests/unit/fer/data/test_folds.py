import torch

from fer.data.folds import fold_of
from tests.unit.fer.data.test_copies import smooth_faces


def test_folds_are_even_repeatable_and_keep_copies_together():
    faces = smooth_faces(300)
    faces = torch.cat([faces, faces[:60], faces[:20]])
    folds = fold_of(faces, 5)
    assert torch.equal(folds, fold_of(faces, 5))
    assert torch.equal(folds[300:360], folds[:60]) and torch.equal(folds[360:], folds[:20])
    sizes = folds.bincount().tolist()
    assert sizes[0] == 0 and len(sizes) == 6
    assert max(sizes[1:]) - min(sizes[1:]) <= 3
