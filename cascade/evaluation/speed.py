"""How many images a second each detector manages, side by side."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from cascade.detector import FaceDetector
from cascade.evaluation.truth import read_image


def images_per_second(
    detectors: Mapping[str, FaceDetector], paths: Sequence[Path], threads: int, repeats: int = 1
) -> dict[str, float]:
    """Time `detect` on the same decoded images, one after the other.

    The detectors take turns image by image, so that a machine that is busy for a while slows all of them;
    of several repeats an image's fastest counts.

    Args:
        detectors: by name.
        paths: the images, which are read before the clock starts.
        threads: OpenCV's threads while timing.
        repeats: passes over the images.
    """
    best = {name: np.full(len(paths), np.inf) for name in detectors}
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        for _ in range(repeats):
            for index, path in enumerate(paths):
                image = read_image(path)
                if image is None:
                    continue
                for name, detector in detectors.items():
                    start = time.perf_counter()
                    detector.detect(image)
                    best[name][index] = min(best[name][index], time.perf_counter() - start)
    finally:
        cv2.setNumThreads(before)
    timed = {name: times[np.isfinite(times)] for name, times in best.items()}
    return {name: len(times) / float(times.sum()) if len(times) else 0.0 for name, times in timed.items()}
