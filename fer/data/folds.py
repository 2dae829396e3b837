"""Folds for cross-fitting: a network judges only faces that it has not learned, nor any copy of them."""

import torch
from torch import Tensor

from fer.data.copies import near_copies
from fer.seeding import SPLIT, generator


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
