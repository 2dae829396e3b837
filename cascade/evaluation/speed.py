"""How many images a second each detector manages, side by side."""

from collections.abc import Mapping, Sequence
from functools import partial
from timeit import timeit

import cv2
import numpy as np

from cascade.detector import FaceDetector
from cascade.pictures import Image


def images_per_second(
    detectors: Mapping[str, FaceDetector], images: Sequence[Image], threads: int, repeats: int = 1
) -> dict[str, float]:
    """Time `detect` on the same decoded images, one or more, with so many of OpenCV's threads.

    The detectors take turns image by image, so that a machine that is busy for a while slows all of them;
    of several repeats an image's fastest counts. Each has looked at one before, so that all that it opens is open.
    """
    finders = list(detectors.values())
    seconds = np.empty((repeats, len(images), len(finders)))
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        for detector in finders:
            detector.detect(images[0])
        for turn in np.ndindex(seconds.shape):
            _, image, finder = turn
            seconds[turn] = timeit(partial(finders[finder].detect, images[image]), number=1)
    finally:
        cv2.setNumThreads(before)
    totals = seconds.min(axis=0).sum(axis=0)
    return {name: len(images) / float(total) for name, total in zip(detectors, totals, strict=True)}
