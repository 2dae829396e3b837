"""Objects that nobody has annotated: what a finished detector is sure of in the pictures it was trained on."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cascade.contact_sheet import contact_sheet
from cascade.convolutional.examples import NOTHING
from cascade.convolutional.mining import Look
from cascade.convolutional.scenes import Floats, Scene, cut, to_boxes
from cascade.files import whole
from cascade.pictures import Image, save_picture

NAME = "suspects.csv"
_SURE = 0.9  # score from which a window on nothing is suspicious
_SHOWN = 60


def write_suspects(
    folder: Path, scenes: Sequence[Scene], looks: Iterable[Look], calibration: Sequence[float], aspect: float
) -> str:
    """Write `suspects.csv` and `suspects.png`, surest first; says what was found, nothing where that is nothing.

    Args:
        folder: that they are written to.
        scenes: the pictures.
        looks: what the detector made of them.
        calibration: slope and bias of the last stage's logit.
        aspect: width over height.
    """
    found: list[tuple[float, Scene, Floats]] = []
    for scene, seen in zip(scenes, looks, strict=True):
        logits = seen.logits[:, -1] * calibration[0] + calibration[1]
        scores = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        for index in np.flatnonzero((scores >= _SURE) & (seen.verdict == NOTHING)):
            found.append((float(scores[index]), scene, seen.windows[index]))
    found.sort(key=lambda one: -one[0])
    with whole(folder / NAME) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "x", "y", "width", "height", "score"))
        for score, scene, window in found:
            box = (round(float(value), 1) for value in to_boxes(window[None], aspect)[0])
            writer.writerow((scene.picture if isinstance(scene.picture, Path) else "", *box, f"{score:.3f}"))
    if not found:
        return ""
    patch = (round(96 / aspect), 96)
    shown: list[Image] = [cut(scene, window * (1, 1, 1.5), patch) for _, scene, window in found[:_SHOWN]]
    save_picture(folder / "suspects.png", contact_sheet(shown, [f"{score:.3f}" for score, *_ in found[:_SHOWN]], 10))
    names = dict.fromkeys(scene.picture.name for _, scene, _ in found if isinstance(scene.picture, Path))
    return (
        f"{len(found)} windows without an annotation look like objects, surest first in {NAME} and suspects.png: "
        f"{', '.join(list(names)[:3])}…; those that are objects teach the opposite: annotate, ignore or remove them"
    )
