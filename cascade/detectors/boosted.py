"""Face detection with boosted cascades: every size and place of a window, from coarse to fine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.detectors.grouping import group_hits
from cascade.detectors.names import declared_adjustment, find_cascade
from cascade.detectors.opencv import OpenCVDetector, require_opencv
from cascade.detectors.size import Size, checked_size, pixels
from cascade.errors import ModelError
from cascade.pictures import Image, for_opencv, to_gray
from cascade.ranges import Natural, NotNegative
from cascade.xml import last_stage_threshold

# Reduced until the smallest face just fills the window, pictures lose a tenth of the average precision on
# WIDER FACE; at 1.3 windows they lose nothing and still save 40% of the time.
_HEADROOM = 1.3


class CascadeDetector(OpenCVDetector):
    """Finds faces with a boosted cascade: OpenCV's, one of ours, or any that `opencv_traincascade` wrote.

    Args:
        cascade: a name, an XML file's path, or a training's result folder: see `find_cascade`.
        scale_factor: ratio of one window size to the next, above 1. Smaller finds more and takes longer.
        min_neighbors: how many overlapping hits beyond the first make a face. 0 returns every hit ungrouped.
        min_size: smallest window, both sides: see `Size`. None: the cascade's own.
        max_size: largest window, likewise. None: the image.
        min_score: faces of a lower score are dropped; `python -m cascade.evaluate` shows what scores mean.
        equalize: equalise the histogram first.
        reduce: first reduce the image, so that a face of `min_size` spans 1.3 windows; steps get coarser.
        mirror: look at the mirrored image, too, and join the results: for cascades of one profile.
        box_adjustment: from the windows to canonical boxes. None: what `declared_adjustment` finds;
            `BoxAdjustment()` gives the windows as they are.

    Raises:
        ModelError: unknown name, missing or broken XML, an impossible setting, or an OpenCV without cascades.
    """

    def __init__(
        self,
        cascade: str | Path = "frontalface_default",
        scale_factor: Annotated[float, Meta(gt=1, le=100)] = 1.1,
        min_neighbors: Natural = 3,
        min_size: Size = None,
        max_size: Size = None,
        *,
        min_score: NotNegative = 0.0,
        equalize: bool = False,
        reduce: bool = False,
        mirror: bool = False,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        if not scale_factor > 1:
            raise ModelError(f"scale_factor must be above 1, not {scale_factor}")
        if min_neighbors < 0:
            raise ModelError(f"min_neighbors must be 0 or more, not {min_neighbors}")
        self.scale_factor = float(scale_factor)
        self.min_neighbors = int(min_neighbors)
        self.max_size = checked_size("max_size", max_size)
        self.min_score = float(min_score)
        self.equalize, self.reduce, self.mirror = equalize, reduce, mirror
        require_opencv("CascadeClassifier")
        path = find_cascade(cascade, ".xml")
        super().__init__(path, min_size, box_adjustment or declared_adjustment(path))
        self.window: tuple[int, int] = tuple(self._native()[0].getOriginalWindowSize())

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: see `FaceDetector.detect`. What is gray already saves the conversion."""
        return self.sweep(image, [self.min_neighbors])[0].above(self.min_score)

    def sweep(self, image: Image, min_neighbors: Iterable[int]) -> list[Detections]:
        """What `detect` would find with each setting of `min_neighbors`, from one scan, whatever its `min_score`."""
        gray = to_gray(image)
        if self.equalize:
            gray = np.asarray(cv2.equalizeHist(gray), np.uint8)
        boxes, margins = self._hits(gray)
        if self.mirror:
            mirrored, more_margins = self._hits(np.ascontiguousarray(gray[:, ::-1]))
            x, width = mirrored[:, 0], mirrored[:, 2]
            # of a mirrored face the centre moves the other way: twice back here, and once forth with all the others
            mirrored[:, 0] = gray.shape[1] - x - (1 + 2 * self.box_adjustment.dx) * width
            boxes, margins = np.concatenate([boxes, mirrored]), np.concatenate([margins, more_margins])
        return [group_hits(boxes, margins, least).adjusted(self.box_adjustment) for least in min_neighbors]

    def _hits(self, gray: Image) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The windows that pass every stage: boxes (M, 4), and how far they pass the last one (M,)."""
        smallest, largest = (pixels(size, min(gray.shape)) for size in (self.min_size, self.max_size))
        factor = max(smallest / (_HEADROOM * min(self.window)), 1.0) if self.reduce else 1.0
        if factor > 1:
            size = tuple(max(1, round(side / factor)) for side in gray.shape[::-1])
            gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
        classifier, threshold = self._native()
        boxes, _, sums = classifier.detectMultiScale3(
            gray,
            scaleFactor=self.scale_factor,
            minNeighbors=0,
            minSize=(round(smallest / factor),) * 2,
            maxSize=(round(largest / factor),) * 2,
            outputRejectLevels=True,
        )
        hits = np.asarray(boxes, np.float64).reshape(-1, 4) * factor
        return hits, np.asarray(sums, np.float64).reshape(-1) - threshold

    def _load(self) -> tuple[Any, float]:
        """The classifier and the threshold of its last stage."""
        classifier = cv2.CascadeClassifier(for_opencv(self.path))
        if classifier.empty():
            raise ModelError(f"{self.path} holds no cascade; expected the cascade.xml that opencv_traincascade writes")
        return classifier, last_stage_threshold(self.path)
