"""Cascade face detection: training with OpenCV's binaries, detecting, evaluating. Imports no torch."""
