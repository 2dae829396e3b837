"""Face detectors, all behind `cascade.detectors.boosted.FaceDetector`."""
