"""What a recogniser returns: the faces of a frame as arrays, and each of them as an object to whom asks."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        return {**asdict(self), "box": list(self.box)}


@dataclass(frozen=True, eq=False)
class FrameFaces:
    """The faces of one frame; `faces[row]` and iterating make a `Face` of a row.

    Attributes:
        boxes: (N, 4) float32, x, y, width, height in pixels of the frame.
        scores: (N,) float32.
        probabilities: (N, C) float32, rows summing to 1.
        classes: the C names.
        frame: index of the frame, from 0.
        time_s: its time stamp in seconds; None for a picture.
        track_ids: (N,) int64, from 1; None for a picture.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    frame: int = 0
    time_s: float | None = None
    track_ids: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def labels(self) -> list[str]:
        """The N most probable expressions."""
        return [self.classes[best] for best in self.probabilities.argmax(axis=1)]

    def __getitem__(self, row: int) -> Face:
        x, y, width, height = self.boxes[row].tolist()
        shares, score = self.probabilities[row], float(self.scores[row])
        probabilities = dict(zip(self.classes, shares.tolist(), strict=True))
        track_id = None if self.track_ids is None else int(self.track_ids[row])
        label = self.classes[shares.argmax()]
        return Face((x, y, width, height), score, label, probabilities, self.frame, self.time_s, track_id)

    def __iter__(self) -> Iterator[Face]:
        return (self[row] for row in range(len(self)))
