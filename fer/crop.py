"""From the canonical box of a face to the square that a network reads."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cascade.errors import ConfigError
from cascade.pictures import Image
from fer.preprocessing import Preprocessing, resize_face


@dataclass(frozen=True)
class Crop:
    """How a data set frames its faces, in units of the canonical box, `cascade.boxes.face_box`.

    Every detector delivers that box, and a network has learned its data set's framing; one crop leads
    from the one to the other. `benchmarks/crop_fit.py` measures it.

    Attributes:
        scale: side of the square crop, above 0; like the others in units of the box's mean side.
        dx, dy: shift of its centre to the right and downwards.
    """

    scale: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    dx: Annotated[float, Meta(ge=-5, le=5)] = 0.0
    dy: Annotated[float, Meta(ge=-5, le=5)] = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for values that give no square."""
        values = (self.scale, self.dx, self.dy)
        if not all(isinstance(value, int | float) and math.isfinite(value) for value in values) or self.scale <= 0:
            raise ConfigError(f"crop: scale must be a number above 0, dx and dy numbers, not {values}")

    def squares(self, boxes: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the crops of boxes (N, 4), int (N, 3): left, top, side, in whole pixels."""
        x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
        mean = (w + h) / 2
        side = np.maximum(np.rint(mean * self.scale), 1)
        left = np.rint(x + w / 2 + self.dx * mean - side / 2)
        top = np.rint(y + h / 2 + self.dy * mean - side / 2)
        return np.stack([left, top, side], axis=1).astype(np.int64)


FER2013_CROP = Crop(scale=1.13, dx=-0.008, dy=-0.031)
"""fer2013's framing, as `benchmarks/crop_fit.py` measures it; models trained on it carry it."""


def crop_square(image: Image, left: int, top: int, side: int) -> Image:
    """Cut a square out of a picture, (H, W) or (H, W, 3); beyond the border its outermost pixels repeat.

    Repeating keeps a face at the border in its place within the crop without adding an edge that the
    network would read as part of the face.
    """
    height, width = image.shape[:2]
    if 0 <= left <= width - side and 0 <= top <= height - side:
        return image[top : top + side, left : left + side]
    rows, columns = np.arange(top, top + side).clip(0, height - 1), np.arange(left, left + side).clip(0, width - 1)
    return np.asarray(image[np.ix_(rows, columns)], np.uint8)


def crop_faces(image: Image, boxes: NDArray[np.float32], crop: Crop, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Cut the faces out of a gray picture (H, W) as the network takes them, uint8 (N, size, size).

    The boxes, (N, 4) x, y, width, height in pixels, may reach over the border.
    """
    size, detail = preprocessing.size, preprocessing.detail
    faces = np.empty((len(boxes), size, size), np.uint8)
    for face, square in zip(faces, crop.squares(boxes).tolist(), strict=True):
        face[...] = resize_face(crop_square(image, *square), size, detail)
    return faces
