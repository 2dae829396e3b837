"""Letting the detector, as far as it is trained, look at whole pictures: what it finds, misses and mistakes."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cascade.convolutional.examples import NOTHING, OBJECT, Hard, judge
from cascade.convolutional.export import open_session
from cascade.convolutional.graph import CascadeGraph
from cascade.convolutional.scenes import Floats, Scene, overlaps

_SURE, _MORE = 1.0, 4.0  # objects of a lower logit are drawn up to so many times more often
_ANNOTATION = 4.0  # logit from which, beside an annotated object, rather the annotation is wrong


@dataclass(eq=False)
class Look:
    """What the detector made of one picture.

    Attributes:
        windows: (M, 3) that passed every stage.
        logits: (M, stages).
        verdict: (M,) what they hold.
        found: (objects,) the last stage's best logit among windows on each object, -inf for none.
    """

    windows: Floats
    logits: Floats
    verdict: Floats
    found: Floats


def look(graph: CascadeGraph, scenes: Sequence[Scene], smallest: float, most: int) -> Iterable[Look]:
    """Look at pictures, as many at a time as there are processors.

    Args:
        graph: the detector; its last stage's threshold says what is told.
        scenes: the pictures.
        smallest: width of the smallest object in pixels.
        most: windows of a picture that stages look at.
    """
    session = open_session(graph)
    settings = {"min_size": np.array(smallest, np.float32), "max_windows": np.array(most, np.int64)}

    def one(scene: Scene) -> Look:
        windows, logits = session.run(None, {"picture": scene.level(0)[0], **settings})
        windows, logits = windows.astype(np.float64), logits.astype(np.float64)
        verdict, _ = judge(windows, scene, graph.aspect, 0.5, 0.35)
        found = np.full(len(scene.objects), -np.inf)
        if len(windows):
            shared = overlaps(scene.objects, windows, graph.aspect)
            found = np.where(shared >= 0.5, logits[:, -1], -np.inf).max(1, initial=-np.inf)
        return Look(windows, logits, verdict, found)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(one, scenes)


def mistakes(looks: Iterable[Look], objects: npt.NDArray[np.int64], each: int) -> Hard:
    """The best windows on nothing of each picture, at most `each`, and how hard each of the objects is to find.

    In a picture with objects a window that looks like one beyond doubt is left out: nearly always that is an object
    whose box lies a little elsewhere, or that nobody has annotated.
    """
    pictures: list[npt.NDArray[np.int64]] = []
    windows: list[Floats] = []
    logits: list[Floats] = []
    for number, seen in enumerate(looks):
        logits.append(seen.found)
        believed = (seen.logits[:, -1] < _ANNOTATION) | (len(seen.found) == 0)
        chosen = np.flatnonzero((seen.verdict == NOTHING) & believed)[:each]
        pictures.append(np.full(len(chosen), number, np.int64))
        windows.append(seen.windows[chosen])
    sure = np.array([logits[number][which] for number, which in objects])
    missed = 1 + _MORE / (1 + np.exp(np.clip(sure - _SURE, -30, 30)))
    return Hard(np.concatenate(pictures), np.concatenate(windows), missed)


def calibrate(looks: Iterable[Look], prior: float = 1.0) -> tuple[float, float]:
    """Slope and bias that make the last stage's logit that of the share of windows that hold an object.

    Platt's logistic regression, with a little weight decay, so that it ends for data that can be told apart, too. (The
    earlier stages' logits, weighed in, told the pictures set aside apart better, and others worse.)
    """
    logits, right = [], []
    for seen in looks:
        told = (seen.verdict == OBJECT) | (seen.verdict == NOTHING)
        logits.append(seen.logits[told, -1])
        right.append(seen.verdict[told] == OBJECT)
    x = np.concatenate(logits)
    x = np.column_stack([x, np.ones(len(x))])
    y = np.concatenate(right).astype(np.float64)
    start = np.array([1.0, 0.0])  # as it is
    weights = start.copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (p - y) + prior * (weights - start)
        curve = (x * (p * (1 - p))[:, None]).T @ x + prior * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return float(weights[0]), float(weights[1])


def covers(looks: Iterable[Look], scenes: Sequence[Scene], smallest: float) -> Floats:
    """The last stage's best logit on each object of at least this mean side, -inf where it was lost."""
    return np.concatenate(
        [seen.found[scene.objects[:, 2] >= smallest] for seen, scene in zip(looks, scenes, strict=True)]
    )
