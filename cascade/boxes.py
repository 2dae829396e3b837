"""Boxes: the one framing of a face, how far boxes overlap, and moving them between conventions.

A box is `x, y, width, height` in pixels, its origin the upper left corner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from cascade.errors import ConfigError


class Box(NamedTuple):
    """A box in whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, box: Sequence[float]) -> "Box":
        """The smallest one around `x, y, width, height`."""
        x, y = floor(box[0]), floor(box[1])
        return cls(x, y, ceil(box[0] + box[2]) - x, ceil(box[1] + box[3]) - y)

    def moved(self, dx: int, dy: int) -> "Box":
        """The same, so far to the right and down."""
        return self._replace(x=self.x + dx, y=self.y + dy)


def face_box(eyes: Sequence[Any] | npt.NDArray[Any], mouth: Sequence[float] | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The canonical box of a face, from forehead to chin: what every detector delivers.

    It is 2.2 s wide, s being the larger of the eyes' distance and 1/1.1 of the way from the eyes to the mouth,
    of aspect 7:8, with the eyes in the middle of its width and at 36% of its height. It keeps to that when
    the head turns.

    Args:
        eyes: (2, 2) the pupils' (x, y).
        mouth: (2,) the mouth's middle.

    Returns:
        (4,) float64.
    """
    points, below = np.asarray(eyes, np.float64), np.asarray(mouth, np.float64)
    middle = points.mean(axis=0)
    apart = float(np.linalg.norm(points[1] - points[0]))
    width = 2.2 * max(apart, float(np.linalg.norm(below - middle)) / 1.1)
    height = width * 8 / 7
    return np.array([middle[0] - width / 2, middle[1] - 0.36 * height, width, height])


Shift = Annotated[float, Meta(ge=-5, le=5)]
Factor = Annotated[float, Meta(gt=0, le=10)]


@dataclass(frozen=True)
class BoxAdjustment:
    """Moves and stretches boxes from a detector's own framing to the canonical one.

    Cascades frame a face as tightly as their training samples did, so two good detectors can disagree
    about the same face. All values are in units of the box: scale-free.

    Attributes:
        dx: shift of the box's centre to the right, in box widths.
        dy: shift of the box's centre downwards, in box heights.
        width: factor on the width, about the centre.
        height: factor on the height, about the centre.
    """

    dx: Shift = 0.0
    dy: Shift = 0.0
    width: Factor = 1.0
    height: Factor = 1.0

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise ConfigError(f"box adjustment: width and height are factors above 0, not {self.width}, {self.height}")

    def apply(self, boxes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Adjusted copy of boxes (N, 4)."""
        x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
        centre_x, centre_y = x + w * (0.5 + self.dx), y + h * (0.5 + self.dy)
        w, h = w * self.width, h * self.height
        return np.stack([centre_x - w / 2, centre_y - h / 2, w, h], axis=1).astype(np.float32)


def shared_areas(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Area that boxes (N, 4) and (M, 4) have in common, in pixels: (N, M)."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    lower = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    return np.asarray(np.clip(lower - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(axis=2))


def iou(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M), 0 to 1."""
    shared = shared_areas(first, second)
    areas = [np.asarray(boxes, np.float64).reshape(-1, 4)[:, 2:].prod(axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    overlap: npt.NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap
