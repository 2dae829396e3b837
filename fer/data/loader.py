"""Batches straight from one tensor: no worker processes, no decoding, resumable within an epoch."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from fer.data.faces import Faces, NumberedFaces
from fer.seeding import ORDER, generator


class EpochBatches(Sampler[list[int]]):
    """The batches of one process in one epoch: each face once, over all processes.

    The order depends on the seed and the epoch alone. Every process gets the same number of batches,
    because distributed training waits for the slowest; sizes then differ by at most one face, and none is above
    `batch_size`. Without `shuffle` all epochs have the order of the faces.
    """

    def __init__(
        self, size: int, batch_size: int, shuffle: bool, seed: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        if size < world_size:
            raise ValueError(f"{size} faces cannot be shared by {world_size} processes")
        self.size, self.batch_size, self.shuffle, self.seed = size, batch_size, shuffle, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = self.served = 0
        self._resume: dict[str, int] = {}

    @property
    def sampler(self) -> "EpochBatches":
        """Itself: Lightning announces epochs to `batch_sampler.sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration follows."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(math.ceil(self.size / self.world_size) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        # Evaluated at the first batch: Lightning may ask for iterators that it never uses
        self.served = self._resume.get("served", 0) if self._resume.get("epoch") == self.epoch else 0
        self._resume = {}
        order = torch.arange(self.size)
        if self.shuffle:
            order = torch.randperm(self.size, generator=generator(self.seed, ORDER, self.epoch))
        share = order[self.rank :: self.world_size]
        alone = self.world_size == 1
        batches = torch.split(share, self.batch_size) if alone else share.tensor_split(len(self))
        for batch in batches[self.served :]:
            self.served += 1
            yield batch.tolist()

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch and how many of its batches have been served."""
        return {"epoch": self.epoch, "served": self.served}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration over that epoch go on where the saved one stood; an empty state changes nothing."""
        self._resume = state


class FaceLoader(DataLoader[tuple[Tensor, Tensor]]):
    """A DataLoader over faces whose place in the epoch is saved in Lightning's checkpoints."""

    def __init__(self, faces: Faces | NumberedFaces, batches: EpochBatches, pin_memory: bool = False) -> None:
        data: Any = faces  # a dataset by its methods, if not by its class
        super().__init__(data, batch_sampler=batches, collate_fn=tuple, pin_memory=pin_memory)
        # The place in the epoch, which Lightning saves
        self.state_dict, self.load_state_dict = batches.state_dict, batches.load_state_dict
