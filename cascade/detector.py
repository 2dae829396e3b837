"""What a face detector returns, and what every detector of this project looks like to its callers."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces found in one image, best first.

    Attributes:
        boxes: (N, 4) float32, `x, y, width, height` in pixels of the image given, origin at its upper left
            corner. A box adjustment or a padded face may reach over the image's border.
        scores: (N,) float32, higher is surer. The scale is the detector's own: compare within one detector.
    """

    boxes: FloatArray
    scores: FloatArray

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4 or self.scores.shape != self.boxes.shape[:1]:
            raise ValueError(f"boxes {self.boxes.shape} and scores {self.scores.shape} are not (N, 4) and (N,)")

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score: float) -> "Detections":
        """Those of at least this score."""
        kept = self.scores >= score
        return Detections(self.boxes[kept], self.scores[kept])

    @classmethod
    def empty(cls) -> "Detections":
        """No faces: boxes (0, 4), scores (0,)."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    @classmethod
    def ranked(cls, boxes: npt.ArrayLike, scores: npt.ArrayLike) -> "Detections":
        """Detections from anything array-like, sorted by falling score; equal scores keep their order."""
        box_array = np.asarray(boxes, np.float32).reshape(-1, 4)
        score_array = np.asarray(scores, np.float32).reshape(-1)
        order = np.argsort(-score_array, kind="stable")
        return cls(box_array[order], score_array[order])


@dataclass(frozen=True)
class BoxAdjustment:
    """Moves and stretches boxes from one framing convention to another.

    Cascades frame a face as tightly as their training samples did, so two good detectors can disagree
    about the same face. All values are in units of the box: scale-free.

    Attributes:
        dx: shift of the box's centre to the right, in box widths.
        dy: shift of the box's centre downwards, in box heights.
        width: factor on the width, about the centre.
        height: factor on the height, about the centre.
    """

    dx: float = 0.0
    dy: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise ValueError(f"box adjustment: width and height are factors above 0, not {self.width}, {self.height}")

    def apply(self, boxes: npt.NDArray[Any]) -> FloatArray:
        """Adjusted copy of boxes (N, 4) `x, y, width, height`."""
        x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
        centre_x, centre_y = x + w * (0.5 + self.dx), y + h * (0.5 + self.dy)
        w, h = w * self.width, h * self.height
        return np.stack([centre_x - w / 2, centre_y - h / 2, w, h], axis=1).astype(np.float32)


@runtime_checkable
class FaceDetector(Protocol):
    """Anything that finds faces; all that the rest of the project asks of a detector."""

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: uint8, gray (H, W) or (H, W, 1), or BGR (H, W, 3)."""
        ...
