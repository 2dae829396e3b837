"""OpenCV's small face network YuNet behind the cascades' interface, for users who have its model file."""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections
from cascade.errors import ModelError
from cascade.pictures import Image, check_image


class YuNetDetector:
    """Finds faces with YuNet (Wu et al., 2023) through OpenCV's `FaceDetectorYN`.

    The model is no part of this project; OpenCV's model zoo offers it as `face_detection_yunet_*.onnx`.

    Args:
        model_path: the ONNX file.
        score_threshold: least confidence, 0 to 1.
        nms_threshold: overlap (IoU) above which the weaker of two boxes goes.
        top_k: boxes kept before that suppression.
        min_size: smallest face in pixels, both sides; None keeps all.
        box_adjustment: moves and stretches the boxes to another framing convention.

    Raises:
        ModelError: the file is missing or OpenCV cannot read it, or OpenCV has no `FaceDetectorYN`.
    """

    def __init__(
        self,
        model_path: str | Path,
        score_threshold: float = 0.6,
        nms_threshold: float = 0.3,
        top_k: int = 5000,
        *,
        min_size: int | None = None,
        box_adjustment: BoxAdjustment | None = None,
    ) -> None:
        self.path = Path(model_path).expanduser()
        self.score_threshold = score_threshold
        self.nms_threshold = nms_threshold
        self.top_k = top_k
        self.min_size = min_size
        self.box_adjustment = box_adjustment
        self._local = threading.local()
        self._network()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def detect(self, image: Image) -> Detections:
        """Find the faces in one image: see `CascadeDetector.detect`. Scores are confidences from 0 to 1."""
        import cv2

        checked = check_image(image)
        colour = checked if checked.ndim == 3 else cv2.cvtColor(checked, cv2.COLOR_GRAY2BGR)
        network = self._network()
        network.setInputSize((colour.shape[1], colour.shape[0]))
        _, faces = network.detect(colour)
        if faces is None:  # OpenCV's way of saying none
            return Detections.empty()
        # a row: box (4), five landmarks (10), score
        rows = np.asarray(faces, np.float32)
        if self.min_size is not None:
            rows = rows[(rows[:, 2:4] >= self.min_size).all(axis=1)]
        found = Detections.ranked(rows[:, :4], rows[:, 14])
        if self.box_adjustment is not None:
            found = Detections(self.box_adjustment.apply(found.boxes), found.scores)
        return found

    def _network(self) -> Any:
        """This thread's network: it holds the input size and buffers."""
        if not hasattr(self._local, "network"):
            self._local.network = self._load()
        return self._local.network

    def _load(self) -> Any:
        import cv2

        if not self.path.is_file():
            raise ModelError(
                f"no YuNet model at {self.path}; download face_detection_yunet_2023mar.onnx from OpenCV's "
                "model zoo (opencv_zoo/models/face_detection_yunet) and give its path as model_path"
            )
        if not hasattr(cv2, "FaceDetectorYN"):
            raise ModelError(f"OpenCV {cv2.__version__} has no FaceDetectorYN; it came with 4.5.4")
        try:
            return cv2.FaceDetectorYN.create(
                str(self.path), "", (320, 320), self.score_threshold, self.nms_threshold, self.top_k
            )
        except cv2.error as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"OpenCV cannot read {self.path} as a YuNet model: {reason}") from error
