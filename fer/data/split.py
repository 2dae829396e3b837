"""Splitting faces in two so that each class keeps its share."""

import torch
from torch import Tensor

from fer.seeding import SPLIT, generator


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Draw a share of each class at random.

    A class's draw depends on the seed and on that class alone. Each class that has two faces or more gives
    at least one and keeps at least one.

    Args:
        labels: int64 (N,), classes.
        share: of each class, between 0 and 1.
        seed: of the draw.

    Returns:
        the indices that stay and those drawn, each int64 and ascending.

    Raises:
        ValueError: where the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share must lie between 0 and 1, not {share}")
    drawn = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels).tolist():
        members = torch.nonzero(labels == label).flatten()
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        order = torch.randperm(len(members), generator=generator(seed, SPLIT, label))
        drawn[members[order[:count]]] = True
    return torch.nonzero(~drawn).flatten(), torch.nonzero(drawn).flatten()
