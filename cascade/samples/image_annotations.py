"""The faces of one image, whatever format they were written in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class ImageAnnotations:
    """The faces of one image.

    Attributes:
        path: the image file.
        boxes: (N, 4) float64, `x, y, width, height` in pixels.
        ignore: (N,) bool: faces that are neither to be found nor wrong to find, such as COCO's crowds.
        flags: WIDER's flags, each (N,) int: blur (0 clear, 1 normal, 2 heavy), expression, illumination,
            invalid, occlusion (0 none, 1 partial, 2 heavy), pose (0 typical). Empty for other formats.
    """

    path: Path
    boxes: npt.NDArray[np.float64]
    ignore: npt.NDArray[np.bool_]
    flags: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.boxes)


def plain_entry(path: str | Path, rows: Sequence[Sequence[float]] | npt.NDArray[np.float64]) -> ImageAnnotations:
    """An image of which nothing but the boxes is known: rows of `x, y, width, height`."""
    boxes = np.asarray(rows, np.float64).reshape(-1, 4)
    return ImageAnnotations(Path(path), boxes, np.zeros(len(boxes), np.bool_))
