"""Folds for cross-fitting: a network judges only faces that it has not learned, nor any copy of them."""

import cv2
import numpy as np
import torch
from torch import Tensor

from fer.seeding import SPLIT, generator

COPY_FROM = 0.96
"""Correlation of two faces, shrunk to `_SIDE`, above which one is taken for a copy of the other."""

_SIDE = 16
_ROWS = 2048  # at a time: the correlations of 28,709 faces with each other would take 3.3 GB


def fold_of(images: Tensor, count: int) -> Tensor:
    """Deal faces to folds of about the same size, copies of one face always to the same.

    The same faces in the same order get the same folds.

    Args:
        images: uint8 (N, 1, H, W).
        count: number of folds.

    Returns:
        the fold of each face, int64 (N,), 1 to `count`.
    """
    groups = near_copies(images)
    sizes = groups.bincount()
    order = torch.randperm(len(sizes), generator=generator(count, SPLIT))
    # a group goes where its middle falls, when all groups in that order are cut into equal parts
    middles = sizes[order].cumsum(0) * 2 - sizes[order]
    folds = torch.empty_like(order)
    folds[order] = 1 + middles * count // (2 * len(images))
    return folds[groups]


def near_copies(images: Tensor, above: float = COPY_FROM) -> Tensor:
    """Find faces that are copies of each other, also after other cropping, contrast or compression.

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


def _standardised(images: Tensor) -> Tensor:
    """Shrunk faces, float32 (N, 256), of mean 0 and length 1, whose products are correlations; blank ones of zeros."""
    small = [cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in images[:, 0].numpy()]
    pixels = torch.from_numpy(np.stack(small)).flatten(1).float()
    pixels = pixels - pixels.mean(dim=1, keepdim=True)
    lengths: Tensor = pixels.square().sum(dim=1, keepdim=True).sqrt()
    return pixels / lengths.clamp(min=1e-3)
