"""Random generators that depend on what they are for, never on what ran before."""

import numpy as np
import torch
from torch import Generator

#: Streams keep apart what shares a seed: the order of the data must not change with the augmentation.
ORDER, AUGMENTATION, SPLIT, STATISTICS, VIEWS, MIXUP = range(6)


def generator(*key: int, device: torch.device | str = "cpu") -> Generator:
    """Return a generator seeded by the whole key, such as (seed, stream, epoch, batch).

    Because nothing is carried over from earlier draws, a run that resumes in the middle of an epoch
    draws what the uninterrupted one would have drawn.
    """
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))


def dice(*key: int) -> np.random.Generator:
    """The like for NumPy, whose distributions are more."""
    return np.random.default_rng(np.random.SeedSequence(key))
