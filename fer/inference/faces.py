"""What a recogniser returns: the faces of a frame as arrays, and each of them as an object to whom asks."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.labels import UNSURE


@dataclass(frozen=True)
class Face:
    """One face in one picture or frame.

    Attributes:
        box: x, y, width, height in pixels of the picture, origin at its upper left corner.
        score: the detector's; higher is surer, the scale is the detector's own.
        label: the most probable expression, however improbable.
        probabilities: of every expression by name, in the classifier's order; they sum to 1. On a video
            they are smoothed over the face's track.
        frame: index of the frame, from 0; 0 for a picture.
        time_s: time stamp of the frame in seconds; None for a picture.
        track_id: the same for the same face from frame to frame, from 1; None for a picture.
        unsure: whether the label is too improbable to be shown: `ExpressionRecognizer` says below what.
    """

    box: tuple[float, float, float, float]
    score: float
    label: str
    probabilities: dict[str, float]
    frame: int = 0
    time_s: float | None = None
    track_id: int | None = None
    unsure: bool = False

    @property
    def shown(self) -> str:
        """The label, or `unsure`: what pictures, windows and the terminal say."""
        return UNSURE if self.unsure else self.label

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "box": list(self.box)}


@dataclass(frozen=True, eq=False)
class FrameFaces:
    """The N faces of one frame; iterating makes a `Face` of each row, which says what the fields mean."""

    boxes: NDArray[np.float32]  # (N, 4)
    scores: NDArray[np.float32]  # (N,)
    probabilities: NDArray[np.float32]  # (N, classes)
    classes: tuple[str, ...]
    frame: int = 0
    time_s: float | None = None
    track_ids: NDArray[np.int64] | None = None  # (N,)
    unsure_below: float = 0.0

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def labels(self) -> list[str]:
        """The N most probable expressions."""
        return [self.classes[best] for best in self.probabilities.argmax(axis=1)]

    @property
    def unsure(self) -> NDArray[np.bool_]:
        """(N,) whether the label is less probable than `unsure_below`."""
        return np.asarray(self.probabilities.max(axis=1) < self.unsure_below)

    def __iter__(self) -> Iterator[Face]:
        ids = [None] * len(self) if self.track_ids is None else self.track_ids.tolist()
        arrays = (self.boxes.tolist(), self.scores.tolist(), self.labels, self.probabilities.tolist())
        for box, score, label, shares, track_id, unsure in zip(*arrays, ids, self.unsure.tolist(), strict=True):
            probabilities = dict(zip(self.classes, shares, strict=True))
            yield Face(tuple(box), score, label, probabilities, self.frame, self.time_s, track_id, unsure)
