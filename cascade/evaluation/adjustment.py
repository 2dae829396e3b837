"""Fitting how one detector's boxes must be moved and stretched to meet the annotations' convention."""

from collections.abc import Iterable

import numpy as np

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.evaluation.matching import match
from cascade.samples.image_annotations import ImageAnnotations

_LOOSE_IOU = 0.25  # the pairs must be found before the boxes agree
_LEAST_PAIRS = 20


def fit_adjustment(results: Iterable[tuple[Detections, ImageAnnotations]]) -> BoxAdjustment | None:
    """The adjustment that the median detected face asks for; None with fewer than 20 faces to learn from."""
    pairs = [np.zeros((0, 8))]
    for detections, truth in results:
        claims = match(detections, truth, _LOOSE_IOU)
        right = np.isin(claims, np.flatnonzero(~truth.ignore))
        pairs.append(np.hstack([detections.boxes[right], truth.boxes[claims[right]]]))
    detected, wanted = np.hsplit(np.concatenate(pairs), 2)
    if len(detected) < _LEAST_PAIRS:
        return None
    shift = (wanted[:, :2] + wanted[:, 2:] / 2 - detected[:, :2] - detected[:, 2:] / 2) / detected[:, 2:]
    factor = wanted[:, 2:] / detected[:, 2:]
    return BoxAdjustment(*(round(float(value), 3) for value in np.median(np.hstack([shift, factor]), axis=0)))
