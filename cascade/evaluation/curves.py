"""Detection rate against false alarms, and average precision."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Curve:
    """A detector's choices between finding more and erring more (FROC), from strict to lax.

    Attributes:
        thresholds: (K,) falling scores; a point keeps all detections of at least this score.
        found: (K,) faces found.
        wrong: (K,) false alarms, over all images.
        faces: how many faces there are to find.
        images: how many images there are.
    """

    thresholds: Floats
    found: Ints
    wrong: Ints
    faces: int
    images: int

    @classmethod
    def of(cls, scores: npt.ArrayLike, right: npt.ArrayLike, faces: int, images: int) -> "Curve":
        """The curve of detections with these scores that are right or wrong; excused ones are left out."""
        values, correct = np.asarray(scores, np.float64), np.asarray(right, np.bool_)
        order = np.argsort(-values, kind="stable")
        values, correct = values[order], correct[order]
        last = np.diff(values, append=-np.inf) != 0  # detections of one score come and go together
        return cls(values[last], correct.cumsum()[last], (~correct).cumsum()[last], faces, images)

    @property
    def rates(self) -> Floats:
        """(K,) detection rate, 0 to 1."""
        return self.found / max(self.faces, 1)

    def rate_at(self, false_alarms: float) -> float:
        """The best detection rate with at most so many false alarms over all images."""
        allowed = self.wrong <= false_alarms
        return float(self.rates[allowed].max()) if allowed.any() else 0.0

    def average_precision(self) -> float:
        """Area below precision over recall, precision made monotonous first (VOC 2010 and later)."""
        precision = self.found / np.maximum(self.found + self.wrong, 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float((np.diff(self.rates, prepend=0.0) * envelope).sum())
