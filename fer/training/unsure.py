"""Which labels are too improbable to be shown: chosen where the right ones are known."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Unsure:
    """Labels that are shown as unsure, and how the faces of one split fare with that.

    Attributes:
        below: those of a smaller probability, 0 to 1.
        share: of the faces, 0 to 1.
        accuracy: share of their labels that is right; 0 where there are none.
        others: share of all other labels that is right, likewise.
    """

    below: float
    share: float
    accuracy: float
    others: float

    @classmethod
    def of(cls, confidences: NDArray[Any], hits: NDArray[Any], below: float | None = None) -> Self:
        """Judge labels by their probabilities (N,) and by whether they are right (N,), 0 or 1; None chooses `below`."""
        below = choose_below(confidences, hits) if below is None else below
        unsure = confidences < below
        accuracy, others = (float(part.mean()) if part.size else 0.0 for part in (hits[unsure], hits[~unsure]))
        return cls(below, float(unsure.mean()), accuracy, others)


def choose_below(confidences: NDArray[Any], hits: NDArray[Any]) -> float:
    """The probability, in hundredths, below which labels are more often wrong than right: see `Unsure.of`.

    If labels are shown from the most probable one on, the right ones in excess of the wrong ones rise to a maximum
    and fall after it (Chow, 1970, where a wrong label costs what a right one gains). As they hardly change
    near it, labels are shown as far beyond it as the fall may be chance: less than one standard error. Where that is
    all of them, of the less probable ones only those are doubted that are none the more likely: below a half.
    """
    order = np.argsort(-confidences, kind="stable")
    excess = np.concatenate([[0], np.cumsum(2 * hits[order] - 1)])  # by the number of labels shown
    fall, beyond = excess.max() - excess, np.arange(len(excess)) - excess.argmax()
    shown = np.flatnonzero((fall == 0) | (fall < np.sqrt(np.maximum(beyond, 0))))[-1]
    if not shown:
        return 1.0
    last = round(float(confidences[order[shown - 1]]), 2)
    return last if shown < len(order) else min(last, 0.5)
