"""Which detections are right: greedy matching of boxes."""

import numpy as np
import numpy.typing as npt

from cascade.boxes import iou
from cascade.detector import Detections
from cascade.samples.image_annotations import ImageAnnotations

Ints = npt.NDArray[np.intp]


def match(detections: Detections, truth: ImageAnnotations, threshold: float) -> Ints:
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
