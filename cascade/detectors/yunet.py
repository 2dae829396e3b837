"""OpenCV's small face network YuNet behind the cascades' interface, for users who have its model file."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.detectors.opencv import OpenCVDetector, require_opencv
from cascade.detectors.size import Size, pixels
from cascade.pictures import Image, check_image

# Medians of 558 frontal faces in the wild. Its boxes hold the whole head: of a turned one the canonical box lies
# up to a sixth of the width further to the side that it looks to.
_FRAMING = BoxAdjustment(0.0, -0.01, 1.012, 0.917)


class YuNetDetector(OpenCVDetector):
    """Finds faces with YuNet (Wu et al., 2023) through OpenCV's `FaceDetectorYN`.

    The model is no part of this project; OpenCV's model zoo offers it as `face_detection_yunet_*.onnx`.

    Args:
        model_path: the ONNX file.
        score_threshold: least confidence, 0 to 1.
        nms_threshold: overlap (IoU) above which the weaker of two boxes goes.
        top_k: boxes kept before that suppression.
        min_size: smallest box of the network's, both sides: see `Size`.
        box_adjustment: from the network's boxes to canonical ones; None: YuNet's. `BoxAdjustment()` leaves them.

    Raises:
        ModelError: the file is missing or OpenCV cannot read it, or OpenCV has no `FaceDetectorYN`.
    """

    _REMEDY = "; download face_detection_yunet_2023mar.onnx from OpenCV's model zoo (opencv_zoo on GitHub)"

    def __init__(
        self,
        model_path: str | Path,
        score_threshold: float = 0.6,
        nms_threshold: float = 0.3,
        top_k: int = 5000,
        *,
        min_size: Size = None,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        self.score_threshold, self.nms_threshold, self.top_k = score_threshold, nms_threshold, top_k
        require_opencv("FaceDetectorYN")
        super().__init__(Path(model_path).expanduser(), min_size, box_adjustment or _FRAMING)

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: see `FaceDetector.detect`. Scores are confidences from 0 to 1."""
        return self.detect_down_to(image, self.score_threshold)

    def detect_down_to(self, image: Image, score: float) -> Detections:
        """See `ThresholdDetector`."""
        checked = check_image(image)
        colour = checked if checked.ndim == 3 else cv2.cvtColor(checked, cv2.COLOR_GRAY2BGR)
        height, width = checked.shape[:2]
        network = self._native()
        network.setInputSize((width, height))
        network.setScoreThreshold(min(score, self.score_threshold))
        _, faces = network.detect(colour)
        # a row: box (4), five landmarks (10), score; None is OpenCV's way of saying none
        rows = np.asarray([] if faces is None else faces, np.float32).reshape(-1, 15)
        rows = rows[(rows[:, 2:4] >= pixels(self.min_size, min(height, width))).all(axis=1)]
        return Detections.ranked(rows[:, :4], rows[:, 14]).adjusted(self.box_adjustment)

    def _load(self) -> Any:
        settings = self.score_threshold, self.nms_threshold, self.top_k
        return cv2.FaceDetectorYN.create(str(self.path), "", (320, 320), *settings)
