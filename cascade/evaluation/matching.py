"""Which detections are right: greedy matching of boxes, and what must be done to a detector's to match well."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from cascade.boxes import BoxAdjustment, iou
from cascade.detector import Detections
from cascade.samples.image_annotations import ImageAnnotations

_LOOSE_IOU = 0.25  # the pairs must be found before the boxes agree
_LEAST_PAIRS = 20


def match(detections: Detections, truth: ImageAnnotations, threshold: float) -> npt.NDArray[np.intp]:
    """Let each detection, best first, claim the face that it overlaps most.

    A face is claimed once: a second detection of it is a false alarm. A detection that claims no face but
    overlaps an ignored one is excused, however many there are: the rule of WIDER FACE and COCO.

    Args:
        detections: sorted by falling score.
        truth: the image's faces, and which of them are ignored.
        threshold: least intersection over union, above 0, at most 1.

    Returns:
        (N,) for each detection the index of its face, which may be an ignored one; -1 for a false alarm.
    """
    claims = np.full(len(detections), -1, np.intp)
    free = ~truth.ignore
    for index, overlap in enumerate(iou(detections.boxes, truth.boxes)):
        near = overlap >= threshold
        choice = near & free if (near & free).any() else near & truth.ignore
        if choice.any():
            claims[index] = np.where(choice, overlap, 0).argmax()
            free[claims[index]] = False
    return claims


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
