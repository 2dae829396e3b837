"""Synthetic faces as training data."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from cascade.drawn.writers import split_face
from fer.data.faces import Faces, Split


class Synthetic:
    """Faces drawn when they are asked for; nothing is read or written.

    The splits take disjoint ranges of indices, so that no person appears in two of them, and keep their
    faces when another split's size changes.

    Attributes:
        sizes: Faces per split.
        render_seed: Decides the faces; apart from the seed that decides their order in training.
        image_size: Side in pixels.
    """

    detail: ClassVar[int | None] = None  # drawn at whatever size is asked for

    def __init__(
        self,
        train_size: int = 6000,
        val_size: int = 1000,
        test_size: int = 1000,
        render_seed: int = 0,
        image_size: int = 48,
    ) -> None:
        """Note the sizes; a `test_size` of 0 leaves the test split out.

        Raises:
            ValueError: Where `train_size` or `val_size` is not positive, or another number is negative.
        """
        if min(train_size, val_size) < 1 or min(test_size, render_seed) < 0:
            raise ValueError(
                "synthetic data needs train_size and val_size from 1 up, test_size and render_seed from 0, "
                f"not {train_size}, {val_size}, {test_size} and {render_seed}"
            )
        self.sizes: dict[Split, int] = {"train": train_size, "val": val_size, "test": test_size}
        self.render_seed = render_seed
        self.image_size = image_size

    def load(self) -> Mapping[Split, Faces]:
        """Render all splits with a progress bar, 1,500 faces or more a second on one idle core.

        Returns:
            `train`, `val` and, unless its size is 0, `test`.
        """
        loaded: dict[Split, Faces] = {}
        with Progress(transient=True, console=Console(stderr=True)) as progress:
            task = progress.add_task("Drawing faces", total=sum(self.sizes.values()))
            for split, size in self.sizes.items():
                if not size:
                    continue
                images = np.empty((size, 1, self.image_size, self.image_size), np.uint8)
                labels = np.empty(size, np.int64)
                for place in range(size):
                    face = split_face(self.render_seed, split, place, self.image_size)
                    images[place, 0], labels[place] = face.image, face.label
                    if place % 50 == 49:
                        progress.advance(task, 50)
                loaded[split] = Faces(torch.from_numpy(images), torch.from_numpy(labels))
        return loaded
