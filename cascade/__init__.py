"""Cascade face detection: training with OpenCV's binaries, detecting, evaluating. Imports no torch."""

from cascade.boxes import BoxAdjustment
from cascade.detector import Detections, FaceDetector
from cascade.detectors.boosted import CascadeDetector
from cascade.detectors.yunet import YuNetDetector

__all__ = ["BoxAdjustment", "CascadeDetector", "Detections", "FaceDetector", "YuNetDetector"]
