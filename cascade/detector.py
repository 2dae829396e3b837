"""What a face detector returns, and what every detector of this project looks like to its callers."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from cascade.boxes import BoxAdjustment
from cascade.pictures import Image

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces found in one image, best first.

    Attributes:
        boxes: (N, 4) float32, `x, y, width, height` in pixels of the image given, origin at its upper left corner, in
            the framing of `cascade.boxes.face_box`. A box may reach over the image's border.
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

    def adjusted(self, adjustment: BoxAdjustment | None) -> "Detections":
        """The same faces in boxes of another framing; None leaves them as they are."""
        return self if adjustment is None else Detections(adjustment.apply(self.boxes), self.scores)

    @classmethod
    def ranked(cls, boxes: npt.ArrayLike, scores: npt.ArrayLike) -> "Detections":
        """Detections from anything array-like, sorted by falling score; equal scores keep their order."""
        box_array = np.asarray(boxes, np.float32).reshape(-1, 4)
        score_array = np.asarray(scores, np.float32).reshape(-1)
        order = np.argsort(-score_array, kind="stable")
        return cls(box_array[order], score_array[order])


@runtime_checkable
class FaceDetector(Protocol):
    """Anything that finds faces; all that the rest of the project asks of a detector."""

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: uint8, gray (H, W) or (H, W, 1), or BGR (H, W, 3); ImageError for others."""
        ...


@runtime_checkable
class ThresholdDetector(FaceDetector, Protocol):
    """A face detector that drops faces below a score of its own; measuring it takes those below, too."""

    def detect_down_to(self, image: Image, score: float) -> Detections:
        """As `detect`, with this least score in place of its own, if that is higher."""
        ...
