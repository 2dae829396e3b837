"""Which detections are right: greedy matching of boxes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cascade.boxes import iou
from cascade.detector import Detections

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Matches:
    """How the detections of one image meet its faces.

    Attributes:
        face: (N,) for each detection the index of the face that it finds, -1 for none.
        excused: (N,) bool: the detection lies on a face that does not count: neither right nor wrong.
        found: (M,) bool: the face is found. Ignored faces never are.
    """

    face: Ints
    excused: Bools
    found: Bools

    @property
    def wrong(self) -> Bools:
        """(N,) bool: false alarms, second boxes on a face among them."""
        return (self.face < 0) & ~self.excused

    @property
    def verdicts(self) -> list[str]:
        """For each detection `right`, `wrong` or `ignored`."""
        words: list[str] = np.where(self.face >= 0, "right", np.where(self.excused, "ignored", "wrong")).tolist()
        return words


def match(detections: Detections, boxes: Floats, ignore: Bools, threshold: float) -> Matches:
    """Let each detection, best first, claim the face that it overlaps most.

    A face is claimed once: a second detection of it is a false alarm. A detection that claims no face but
    overlaps an ignored one is excused, however many there are: the rule of WIDER FACE and COCO.

    Args:
        detections: sorted by falling score.
        boxes: (M, 4) faces.
        ignore: (M,) bool, those that do not count.
        threshold: least intersection over union, above 0, at most 1.
    """
    overlaps = iou(detections.boxes, boxes)
    face = np.full(len(detections), -1, np.intp)
    excused = np.zeros(len(detections), np.bool_)
    found = np.zeros(len(boxes), np.bool_)
    for index, overlap in enumerate(overlaps):
        free = np.where(ignore | found, -1.0, overlap)
        if len(free) and free.max() >= threshold:
            face[index] = free.argmax()
            found[face[index]] = True
        else:
            excused[index] = bool((overlap[ignore] >= threshold).any())
    return Matches(face, excused, found)
