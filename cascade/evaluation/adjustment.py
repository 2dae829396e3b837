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
        matches = match(detections, truth.boxes, truth.ignore, _LOOSE_IOU)
        hit = matches.face >= 0
        pairs.append(np.hstack([detections.boxes[hit], truth.boxes[matches.face[hit]]]))
    detected, wanted = np.hsplit(np.concatenate(pairs), 2)
    if len(detected) < _LEAST_PAIRS:
        return None
    shift = (wanted[:, :2] + wanted[:, 2:] / 2 - detected[:, :2] - detected[:, 2:] / 2) / detected[:, 2:]
    factor = wanted[:, 2:] / detected[:, 2:]
    (dx, dy), (width, height) = np.median(shift, axis=0), np.median(factor, axis=0)
    return BoxAdjustment(round(float(dx), 3), round(float(dy), 3), round(float(width), 3), round(float(height), 3))
