import cv2
import numpy as np
import torch

from fer.data.folds import fold_of, near_copies


def _faces(count, seed=0):
    """Smooth random pictures, uint8 (count, 1, 48, 48): as unlike each other as faces, and not only in their noise."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 6, 6), np.uint8)
    return torch.from_numpy(np.stack([cv2.resize(one, (48, 48)) for one in small])[:, None])


def test_copies_are_found_whatever_their_contrast_and_noise():
    faces = _faces(20)
    darker = (faces[3].float() * 0.5 + 10).byte()
    noisy = (faces[5].float() + 4 * torch.randn(1, 48, 48, generator=torch.Generator().manual_seed(0))).clamp(0, 255)
    groups = near_copies(torch.cat([faces, torch.stack([darker, noisy.byte(), faces[3]])]))
    assert groups.tolist() == [*range(20), 3, 5, 3]


def test_copies_of_copies_belong_together():
    one, other = _faces(2).float()
    mixed = torch.stack([one + share * (other - one) for share in np.linspace(0, 1, 12)]).byte()
    assert near_copies(mixed).unique().tolist() == [0]
    assert near_copies(mixed[[0, -1]]).tolist() == [0, 1]


def test_blank_faces_are_no_copies_of_each_other():
    assert near_copies(torch.full((3, 1, 48, 48), 7, dtype=torch.uint8)).tolist() == [0, 1, 2]


def test_folds_are_even_repeatable_and_keep_copies_together():
    faces = _faces(300)
    faces = torch.cat([faces, faces[:60], faces[:20]])
    folds = fold_of(faces, 5)
    assert torch.equal(folds, fold_of(faces, 5))
    assert torch.equal(folds[300:360], folds[:60]) and torch.equal(folds[360:], folds[:20])
    sizes = folds.bincount().tolist()
    assert sizes[0] == 0 and len(sizes) == 6
    assert max(sizes[1:]) - min(sizes[1:]) <= 3
