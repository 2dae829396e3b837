"""How a face becomes the network's input: the one definition, for training, export and use."""

from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from fer.labels import EXPRESSIONS, check_classes

Side = Annotated[int, Meta(ge=1, le=1024)]
"""Of a face, in pixels."""

NUDGE = 0.001
"""Added to gray levels before they are rounded. Halves are common, and 32-bit numbers miss them to either side:
with it, whatever computes a face rounds them alike."""


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects and what its outputs mean; inference uses the values of the model's file.

    Attributes:
        size: side of the square gray face in pixels.
        detail: side to which larger faces are reduced first, in pixels; None: straight to `size`. A network
            that learned from 48 pixels enlarged to 64 has never seen what 64 pixels of a photograph show.
        mean: subtracted from pixels of 0 to 1.
        std: divides them after that. The defaults give -1 to 1, as in the Mini-Xception paper's code.
        classes: names of the outputs, in order.
    """

    size: Side = 48
    detail: Side | None = 48
    mean: Annotated[float, Meta(ge=-1e3, le=1e3)] = 0.5
    std: Annotated[float, Meta(ge=1e-6, le=1e3)] = 0.5
    classes: tuple[str, ...] = EXPRESSIONS

    def __post_init__(self) -> None:
        """Raise ValueError for values that no face can be prepared with."""
        if self.size < 1 or (self.detail is not None and self.detail < 1) or not self.std > 0:
            raise ValueError(f"size and detail must be 1 pixel or more and std above 0, not {self}")
        check_classes(self.classes)

    def normalise(self, pixels: Any) -> Any:
        """Turn float pixels of 0 to 255 (NumPy array or tensor, any shape) into the network's range."""
        return (pixels / 255.0 - self.mean) / self.std

    def denormalise(self, values: Any) -> Any:
        """Undo `normalise`: back to pixels of 0 to 255."""
        return (values * self.std + self.mean) * 255.0


def resize_face(gray: NDArray[np.uint8], size: int, detail: int | None = None) -> NDArray[np.uint8]:
    """Resize one gray face, uint8 (H, W), to (size, size); itself where it has that size. `Preprocessing` has `detail`.

    A face that is not square is stretched, as detectors' boxes are. `fer.crop_graph` is the same in ONNX.
    """
    if detail is not None and detail < size and min(gray.shape) > detail:
        gray = resize_face(gray, detail)
    if gray.shape == (size, size):
        return gray
    # averaging over areas avoids aliasing when shrinking; it would give blocks when enlarging
    interpolation = cv2.INTER_AREA if min(gray.shape) >= size else cv2.INTER_LINEAR
    # of bytes OpenCV interpolates with weights of 11 bits, which no other program has
    pixels = cv2.resize(gray.astype(np.float32), (size, size), interpolation=interpolation)
    return np.asarray(np.rint(pixels + NUDGE), np.uint8)
