"""How many images a second each detector manages, side by side."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from timeit import timeit

import cv2
import numpy as np
import numpy.typing as npt

from cascade.detector import FaceDetector
from cascade.pictures import Image


def take_times(
    detectors: Mapping[str, FaceDetector],
    images: Sequence[Image],
    threads: int,
    repeats: int = 1,
    timer: Callable[[], float] = time.perf_counter,
) -> npt.NDArray[np.float64]:
    """Time `detect` on the same decoded images, one or more, with so many of OpenCV's threads.

    The detectors take turns image by image, so that a machine that is busy for a while slows all of them. Each has
    looked at the first image before, so that all that it opens is open.

    Returns:
        Seconds of the timer, (repeats, images, detectors).
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
            seconds[turn] = timeit(partial(finders[finder].detect, images[image]), timer=timer, number=1)
    finally:
        cv2.setNumThreads(before)
    return seconds


def images_per_second(
    detectors: Mapping[str, FaceDetector], images: Sequence[Image], threads: int, repeats: int = 1
) -> dict[str, float]:
    """Time `detect` as `take_times` does; of several repeats an image's fastest counts."""
    totals = take_times(detectors, images, threads, repeats).min(axis=0).sum(axis=0)
    return {name: len(images) / float(total) for name, total in zip(detectors, totals, strict=True)}
