"""OpenCV's small face network YuNet behind the cascades' interface, for users who have its model file."""

import shlex
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.detectors.opencv import OpenCVDetector, require_opencv
from cascade.detectors.size import Size, pixels
from cascade.errors import ModelError
from cascade.pictures import Image, check_image
from cascade.ranges import Count, Share

URL = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
"""The model file that OpenCV publishes, and what its bytes hash to. Other files are taken as they are."""

# Medians of 558 frontal faces in the wild. Its boxes hold the whole head: of a turned one the canonical box lies
# up to a sixth of the width further to the side that it looks to.
_FRAMING = BoxAdjustment(0.0, -0.01, 1.012, 0.917)

_TALLEST = 4  # times `width`: no picture is enlarged to a greater height


class YuNetDetector(OpenCVDetector):
    """Finds faces with YuNet (Wu et al., 2023) through OpenCV's `FaceDetectorYN`.

    The model is no part of this project; OpenCV's model zoo offers it, see `URL`.

    Args:
        model_path: the ONNX file; any YuNet will do.
        score_threshold: least confidence, 0 to 1.
        nms_threshold: overlap (IoU) above which the weaker of two boxes goes.
        top_k: boxes kept before that suppression.
        width: pictures are brought to this width in pixels first, smaller ones too, but none is enlarged to more than
            four times as much height; None: as they are. Half of it takes a quarter of the time and misses faces of
            up to twice the size.
        min_size: smallest box of the network's, both sides: see `Size`.
        box_adjustment: from the network's boxes to canonical ones; None: YuNet's. `BoxAdjustment()` leaves them.

    Raises:
        ModelError: the file is missing or OpenCV cannot read it, an impossible width or size, or OpenCV has no
            `FaceDetectorYN`.
    """

    def __init__(
        self,
        model_path: str | Path,
        score_threshold: Share = 0.6,
        nms_threshold: Share = 0.3,
        top_k: Count = 5000,
        *,
        width: Count | None = None,
        min_size: Size = None,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        self.score_threshold, self.nms_threshold, self.top_k = score_threshold, nms_threshold, top_k
        if width is not None and width < 1:
            raise ModelError(f"width must be 1 pixel or more, or None, not {width}")
        self.width = width
        require_opencv("FaceDetectorYN")
        super().__init__(Path(model_path).expanduser(), min_size, box_adjustment or _FRAMING)

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: see `FaceDetector.detect`. Scores are confidences from 0 to 1."""
        return self.detect_down_to(image, self.score_threshold)

    def detect_down_to(self, image: Image, score: float) -> Detections:
        """See `ThresholdDetector`."""
        checked = check_image(image)
        height, width = checked.shape[:2]
        size = self._searched(width, height)
        if size != (width, height):
            way = cv2.INTER_AREA if size[0] < width else cv2.INTER_LINEAR
            checked = np.asarray(cv2.resize(checked, size, interpolation=way), np.uint8)
        network = self._native()
        network.setInputSize(size)
        network.setScoreThreshold(min(score, self.score_threshold))
        _, faces = network.detect(checked if checked.ndim == 3 else cv2.cvtColor(checked, cv2.COLOR_GRAY2BGR))
        # a row: box (4), five landmarks (10), score; None is OpenCV's way of saying none
        rows = np.array([] if faces is None else faces, np.float32).reshape(-1, 15)
        rows[:, :4] *= np.array([width / size[0], height / size[1]] * 2, np.float32)
        rows = rows[(rows[:, 2:4] >= pixels(self.min_size, min(height, width))).all(axis=1)]
        return Detections.ranked(rows[:, :4], rows[:, 14]).adjusted(self.box_adjustment)

    def _searched(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that a picture of these is brought to."""
        if self.width is None:
            return width, height
        factor = self.width / width
        if factor > 1:  # a column of single pixels would become one of millions
            factor = max(1.0, min(factor, _TALLEST * self.width / height))
        return max(1, round(width * factor)), max(1, round(height * factor))

    def _remedy(self) -> str:
        fetch = f"curl -fL --create-dirs -o {shlex.quote(str(self.path))} {URL}"
        return f"; OpenCV's model zoo has it: {fetch} (its sha256 is {SHA256})"

    def _load(self) -> Any:
        settings = self.score_threshold, self.nms_threshold, self.top_k
        return cv2.FaceDetectorYN.create(str(self.path), "", (320, 320), *settings)
