"""Face detectors, all behind `cascade.detector.FaceDetector`."""
