"""Cascade face detection: training with OpenCV's binaries, detecting, evaluating. Imports no torch."""

from cascade.detections import BoxAdjustment, Detections, FaceDetector
from cascade.detector import CascadeDetector
from cascade.yunet import YuNetDetector

__all__ = ["BoxAdjustment", "CascadeDetector", "Detections", "FaceDetector", "YuNetDetector"]
