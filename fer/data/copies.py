"""Faces that are copies of each other, also after other cropping, contrast or compression."""

import cv2
import numpy as np
import torch
from torch import Tensor

COPY_FROM = 0.96
"""Correlation of two faces, shrunk to `_SIDE`, above which one is taken for a copy of the other."""

_SIDE = 16
_ROWS = 2048  # at a time: the correlations of 28,709 faces with each other would take 3.3 GB


def near_copies(images: Tensor, above: float = COPY_FROM) -> Tensor:
    """Find faces that are copies of each other.

    Args:
        images: uint8 (N, 1, H, W).
        above: correlation, 0 to 1, from which two faces belong together; so do those that others link.

    Returns:
        the group of each face, int64 (N,), numbered from 0 by their first faces. A blank face is a group of its own.
    """
    faces = _standardised(images)
    # each face's link towards the first of its group
    first = list(range(len(faces)))

    def root(face: int) -> int:
        while first[face] != face:
            first[face] = first[first[face]]
            face = first[face]
        return face

    for start in range(0, len(faces), _ROWS):
        pairs = (faces[start : start + _ROWS] @ faces[start:].T > above).nonzero() + start
        for one, other in pairs[pairs[:, 0] < pairs[:, 1]].tolist():
            low, high = sorted((root(one), root(other)))
            first[high] = low
    roots = torch.tensor([root(face) for face in range(len(faces))])
    numbers = (roots == torch.arange(len(roots))).cumsum(0) - 1
    return numbers[roots]


def nearest(images: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Find the most similar of other faces.

    Args:
        images: uint8 (N, 1, H, W).
        among: the others, uint8 (M, 1, H, W), M > 0; of any size.

    Returns:
        correlations with it, float32 (N,), and its indices, int64 (N,); a blank face is similar to none: 0.
    """
    others = _standardised(among).T
    found = [(part @ others).max(dim=1) for part in torch.split(_standardised(images), _ROWS)]
    return torch.cat([most.values for most in found]), torch.cat([most.indices for most in found])


def _standardised(images: Tensor) -> Tensor:
    """Shrunk faces, float32 (N, 256), of mean 0 and length 1, whose products are correlations; blank ones of zeros."""
    small = [cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in images[:, 0].numpy()]
    pixels = torch.from_numpy(np.stack(small)).flatten(1).float()
    pixels = pixels - pixels.mean(dim=1, keepdim=True)
    lengths: Tensor = pixels.square().sum(dim=1, keepdim=True).sqrt()
    return pixels / lengths.clamp(min=1e-3)
