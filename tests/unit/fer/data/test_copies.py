import cv2
import numpy as np
import pytest
import torch

from fer.data.copies import near_copies, nearest


def smooth_faces(count, seed=0):
    """Smooth random pictures, uint8 (count, 1, 48, 48): as unlike each other as faces, and not only in their noise."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 6, 6), np.uint8)
    return torch.from_numpy(np.stack([cv2.resize(one, (48, 48)) for one in small])[:, None])


def test_copies_are_found_whatever_their_contrast_and_noise():
    faces = smooth_faces(20)
    darker = (faces[3].float() * 0.5 + 10).byte()
    noisy = (faces[5].float() + 4 * torch.randn(1, 48, 48, generator=torch.Generator().manual_seed(0))).clamp(0, 255)
    groups = near_copies(torch.cat([faces, torch.stack([darker, noisy.byte(), faces[3]])]))
    assert groups.tolist() == [*range(20), 3, 5, 3]


def test_copies_of_copies_belong_together():
    one, other = smooth_faces(2).float()
    mixed = torch.stack([one + share * (other - one) for share in np.linspace(0, 1, 12)]).byte()
    assert near_copies(mixed).unique().tolist() == [0]
    assert near_copies(mixed[[0, -1]]).tolist() == [0, 1]


def test_blank_faces_are_no_copies_of_each_other():
    assert near_copies(torch.full((3, 1, 48, 48), 7, dtype=torch.uint8)).tolist() == [0, 1, 2]


def test_the_nearest_face_is_found_in_other_sizes_and_a_blank_one_is_near_to_none():
    faces = smooth_faces(20)
    larger = torch.from_numpy(np.stack([cv2.resize(face, (64, 64)) for face in faces[[7, 2], 0].numpy()])[:, None])
    blank = torch.full((1, 1, 64, 64), 200, dtype=torch.uint8)
    correlations, indices = nearest(torch.cat([larger, blank]), faces)
    assert indices[:2].tolist() == [7, 2]
    assert correlations[:2].min() > 0.99
    assert correlations[2] == pytest.approx(0, abs=1e-6)
