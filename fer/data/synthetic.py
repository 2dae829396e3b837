"""Drawn faces as training data."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from cascade.drawn.writers import split_face
from cascade.ranges import Count, Natural
from cascade.terminal import progress_bar
from fer.data.faces import Faces, Split
from fer.labels import EXPRESSIONS
from fer.preprocessing import Side


class Synthetic:
    """Faces drawn when they are asked for; nothing is read or written.

    No person appears in two splits, and each keeps its faces when another one's size changes.

    Attributes:
        sizes: Faces per split.
        render_seed: Decides the faces; apart from the seed that decides their order in training.
        image_size: Side in pixels.
    """

    detail: ClassVar[int | None] = None  # drawn at whatever size is asked for

    def __init__(
        self,
        train_size: Count = 6000,
        val_size: Count = 1000,
        test_size: Natural = 1000,
        render_seed: Natural = 0,
        image_size: Side = 48,
    ) -> None:
        """Note the sizes; a `test_size` of 0 leaves the test split out.

        Raises:
            ValueError: `train_size` or `val_size` is not positive, or another number is negative.
        """
        if min(train_size, val_size) < 1 or min(test_size, render_seed) < 0:
            raise ValueError(
                "synthetic data needs train_size and val_size from 1 up, test_size and render_seed from 0, "
                f"not {train_size}, {val_size}, {test_size} and {render_seed}"
            )
        self.sizes: dict[Split, int] = {"train": train_size, "val": val_size, "test": test_size}
        self.render_seed, self.image_size = render_seed, image_size

    @property
    def classes(self) -> tuple[str, ...]:
        """The seven expressions."""
        return EXPRESSIONS

    def load(self) -> Mapping[Split, Faces]:
        """Render all splits with a progress bar; `test` is missing where its size is 0."""
        loaded: dict[Split, Faces] = {}
        with progress_bar() as bar:
            for split, size in self.sizes.items():
                if size:
                    places = bar.track(range(size), description=f"Drawing faces, {split}")
                    faces = [split_face(self.render_seed, split, place, self.image_size) for place in places]
                    labels = torch.tensor([EXPRESSIONS.index(face.expression) for face in faces])
                    loaded[split] = Faces(torch.from_numpy(np.stack([face.image for face in faces])[:, None]), labels)
        return loaded


if __name__ == "__main__":
    raise SystemExit("error: drawn faces are written by python -m cascade.drawn; see its --help")
