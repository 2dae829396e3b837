"""Cascade face detection: training with OpenCV's binaries, detecting, evaluating. Imports no torch."""

import cascade.interrupts  # noqa: F401 - first: what follows takes its time to load
from cascade.boxes import BoxAdjustment
from cascade.detector import Detections, FaceDetector
from cascade.detectors.boosted import CascadeDetector
from cascade.detectors.convolutional import ConvolutionalDetector
from cascade.detectors.yunet import YuNetDetector

__all__ = ["BoxAdjustment", "CascadeDetector", "ConvolutionalDetector", "Detections", "FaceDetector", "YuNetDetector"]
