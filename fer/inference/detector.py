"""What the recogniser asks of a face detector, and calling one on pictures of any size."""

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.inference.faces import Image


class Boxes(Protocol):
    """What a detector returns."""

    @property
    def boxes(self) -> NDArray[np.float32]:
        """(N, 4) float32: x, y, width, height in pixels."""
        ...

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N,) float32, higher is surer."""
        ...


class Detector(Protocol):
    """Anything that finds faces, such as `cascade.CascadeDetector`."""

    def detect(self, image: Image) -> Boxes:
        """Find the faces in a picture, uint8, gray (H, W) or BGR (H, W, 3)."""
        ...


def detector_name(detector: Any) -> str | None:
    """The name under which a detector's crop was measured: that of its model file; None where it has none."""
    path = getattr(detector, "path", None)
    return None if path is None else Path(path).stem.removeprefix("haarcascade_")


def detect(
    detector: Detector, gray: Image, longest_side: int | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find faces in a gray picture; one with a longer side than `longest_side` is searched shrunk.

    Returns:
        Boxes (N, 4) in pixels of the picture given, and scores (N,).
    """
    longest = max(gray.shape)
    if longest_side is None or longest <= longest_side:
        found = detector.detect(gray)
        return found.boxes, found.scores
    factor = longest_side / longest
    height, width = (max(1, round(side * factor)) for side in gray.shape)
    found = detector.detect(np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8))
    back = np.array([gray.shape[1] / width, gray.shape[0] / height] * 2, np.float32)
    return found.boxes * back, found.scores
