"""The cascade face detector: the one thing that the rest of the project needs to know of this package."""

import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections, FaceDetector
from cascade.detectors.grouping import group_hits
from cascade.detectors.names import find_cascade, load_cv2
from cascade.errors import ModelError
from cascade.pictures import Image, to_gray

__all__ = ["BoxAdjustment", "CascadeDetector", "Detections", "FaceDetector"]

_Size = int | float | None

# Reduced until the smallest face just fills the window, pictures lose a tenth of the average precision on
# WIDER FACE; at 1.3 windows they lose nothing and still save 40% of the time.
_HEADROOM = 1.3


class CascadeDetector:
    """Finds faces with a boosted cascade: OpenCV's, one of ours, or any that `opencv_traincascade` wrote.

    One detector may be used from several threads and can be pickled; each thread and each process loads
    its own copy of the cascade.

    Args:
        cascade: a name (`frontalface_default`, `alt`, `alt2`, `alt_tree`, `profile`, one of ours, any
            `haarcascade_NAME.xml` of OpenCV), an XML file's path, or a training's result folder.
        scale_factor: ratio of one window size to the next, above 1. Smaller finds more and takes longer.
        min_neighbors: how many overlapping hits beyond the first make a face. 0 returns every hit ungrouped.
        min_size: smallest face, both sides: an int in pixels, or a float below 1 as a share of the image's
            shorter side. None: the cascade's own window.
        max_size: largest face, likewise. None: the image.
        min_score: faces of a lower score are dropped; `python -m cascade.evaluate` shows what scores mean.
        equalize: equalise the histogram first.
        reduce: when `min_size` is well above the cascade's window, reduce the image first, so that the
            smallest face spans 1.3 windows. Saves about 40% of the time: steps are coarser.
        mirror: look at the mirrored image, too, and join the results: for cascades of one profile.
        box_adjustment: moves and stretches the boxes to another framing convention.

    Raises:
        ModelError: unknown name, missing or broken XML, an impossible setting, or an OpenCV without
            cascades.
    """

    def __init__(
        self,
        cascade: str | Path = "frontalface_default",
        scale_factor: float = 1.1,
        min_neighbors: int = 3,
        min_size: _Size = None,
        max_size: _Size = None,
        *,
        min_score: float = 0.0,
        equalize: bool = False,
        reduce: bool = False,
        mirror: bool = False,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        if not scale_factor > 1:
            raise ModelError(f"scale_factor must be above 1, not {scale_factor}")
        if min_neighbors < 0:
            raise ModelError(f"min_neighbors must be 0 or more, not {min_neighbors}")
        _check_size("min_size", min_size)
        _check_size("max_size", max_size)
        self.path = find_cascade(cascade)
        self.scale_factor = float(scale_factor)
        self.min_neighbors = int(min_neighbors)
        self.min_size = min_size
        self.max_size = max_size
        self.min_score = float(min_score)
        self.equalize = equalize
        self.reduce = reduce
        self.mirror = mirror
        self.box_adjustment = box_adjustment
        self._local = threading.local()
        width, height = self._classifier()[0].getOriginalWindowSize()
        self.window = (int(width), int(height))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({str(self.path)!r}, scale_factor={self.scale_factor}, "
            f"min_neighbors={self.min_neighbors}, min_size={self.min_size}, max_size={self.max_size})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image.

        Args:
            image: uint8, gray (H, W) or (H, W, 1), or BGR (H, W, 3); contiguous or not.

        Returns:
            The faces, best first.

        Raises:
            ImageError: not such an image.
        """
        return self.sweep(image, [self.min_neighbors])[0].above(self.min_score)

    def sweep(self, image: Image, min_neighbors: Iterable[int]) -> list[Detections]:
        """What `detect` would find with each of several settings of `min_neighbors`, from one scan, whatever
        its `min_score`.
        """
        gray = to_gray(image)
        if self.equalize:
            gray = np.asarray(cv2.equalizeHist(gray), np.uint8)
        boxes, margins = self._hits(gray)
        if self.mirror:
            mirrored, more_margins = self._hits(np.ascontiguousarray(gray[:, ::-1]))
            mirrored[:, 0] = gray.shape[1] - mirrored[:, 0] - mirrored[:, 2]
            boxes, margins = np.concatenate([boxes, mirrored]), np.concatenate([margins, more_margins])
        found = [group_hits(boxes, margins, least) for least in min_neighbors]
        if self.box_adjustment is None:
            return found
        return [Detections(self.box_adjustment.apply(faces.boxes), faces.scores) for faces in found]

    def _hits(self, gray: Image) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The windows that pass every stage: boxes (M, 4), and how far they pass the last one (M,)."""
        smallest, largest = (_pixels(size, min(gray.shape)) for size in (self.min_size, self.max_size))
        factor = max(smallest / (_HEADROOM * min(self.window)), 1.0) if self.reduce else 1.0
        if factor > 1:
            size = tuple(max(1, round(side / factor)) for side in gray.shape[::-1])
            gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
        classifier, threshold = self._classifier()
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

    def _classifier(self) -> tuple[Any, float]:
        """This thread's classifier, which cannot be shared as it holds the image's integrals, and the
        threshold of its last stage.
        """
        if not hasattr(self._local, "loaded"):
            self._local.loaded = _load(self.path)
        loaded: tuple[Any, float] = self._local.loaded
        return loaded


def _load(path: Path) -> tuple[Any, float]:
    load_cv2()
    if not path.is_file():
        raise ModelError(f"the cascade file {path} is gone")
    try:
        classifier = cv2.CascadeClassifier(str(path))
        empty = classifier.empty()
    except (cv2.error, SystemError) as error:
        # a constructor that fails inside OpenCV surfaces as SystemError; its cause says why
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ModelError(f"{path} is not a readable cascade XML file: {reason}") from error
    if empty:
        raise ModelError(f"{path} holds no cascade; expected the cascade.xml that opencv_traincascade writes")
    thresholds = re.findall(rb"<stage_?[tT]hreshold>\s*([^<\s]+)", path.read_bytes())
    return classifier, float(thresholds[-1]) if thresholds else 0.0


def _check_size(name: str, size: _Size) -> None:
    if size is None:
        return
    if isinstance(size, bool) or (isinstance(size, float) and not 0 < size < 1) or size <= 0:
        raise ModelError(f"{name} is an int in pixels or a share between 0 and 1 of the shorter side, not {size}")


def _pixels(size: _Size, shorter: int) -> int:
    """A size in pixels; 0, as for OpenCV, is no bound."""
    if size is None:
        return 0
    return max(1, round(size * shorter)) if isinstance(size, float) else size
