"""What a recogniser returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A picture as OpenCV holds it: uint8, BGR (H, W, 3) or gray (H, W).
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Face:
    """One face in one picture or frame.

    Attributes:
        box: x, y, width, height in pixels of the picture, origin at its upper left corner.
        score: the detector's; higher is surer, the scale is the detector's own.
        label: the most probable expression.
        probabilities: of every expression by name, in the classifier's order; they sum to 1. On a video
            they are smoothed over the face's track.
        frame: index of the frame, from 0; 0 for a picture.
        time_s: time stamp of the frame in seconds; None for a picture.
        track_id: the same for the same face from frame to frame, from 1; None for a picture.
    """

    box: tuple[float, float, float, float]
    score: float
    label: str
    probabilities: dict[str, float]
    frame: int = 0
    time_s: float | None = None
    track_id: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "box": list(self.box),
            "score": self.score,
            "label": self.label,
            "probabilities": self.probabilities,
            "frame": self.frame,
            "time_s": self.time_s,
            "track_id": self.track_id,
        }


def faces_from(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    classes: tuple[str, ...],
    frame: int = 0,
    time_s: float | None = None,
    track_ids: list[int] | None = None,
) -> list[Face]:
    """Name the columns of the arrays that detection and classification return.

    Args:
        boxes: (N, 4) x, y, width, height.
        scores: (N,).
        probabilities: (N, C).
        classes: the C names.
        frame: index of the frame.
        time_s: its time stamp in seconds.
        track_ids: N ids, for videos.
    """
    labels = probabilities.argmax(axis=1) if len(probabilities) else []
    return [
        Face(
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            score=float(score),
            label=classes[int(label)],
            probabilities=dict(zip(classes, map(float, row), strict=True)),
            frame=frame,
            time_s=time_s,
            track_id=None if track_ids is None else track_ids[index],
        )
        for index, (box, score, row, label) in enumerate(zip(boxes, scores, probabilities, labels, strict=True))
    ]
