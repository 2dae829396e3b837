"""Searching pictures for windows that the cascade, as far as it is trained, accepts wrongly.

It looks where OpenCV's detector looks: at the picture and at smaller copies of it, each a tenth smaller than the one
before, in steps of two pixels down to half the size and of one pixel below. It sees there what OpenCV's detector sees.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cascade.boost import kernels
from cascade.boost.model import BoostedModel, Samples, laid_out
from cascade.boost.trees import Workers
from cascade.pictures import Image, read_gray
from cascade.samples.annotations import read_objects
from cascade.training.trainer import Inputs

_FACTOR = 1.1  # from one copy's size to the next
# The first pass looks at one row of windows in eight, in one copy of a picture in eight; the second at as many rows of
# the other copies; the last at all other rows
_EIGHTH = 8
_PASSES = 3
_SHARED = 0.3  # of a window with an object, as intersection over union, or of the window itself with a region to ignore
_BATCH = 16  # pictures that are looked at before it is asked whether that is enough


@dataclass(eq=False)
class Found:
    """Windows of one picture that the cascade accepts: (N, height, width) uint8, out of how many."""

    patches: Image
    accepted: int
    looked_at: int


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture to look for negatives in, and where not to: (N, 4) boxes of objects, (M, 4) regions to ignore."""

    path: Path
    objects: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    ignored: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))

    def holds_negative(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which of some boxes (N, 4) are on no object and in no region to ignore."""
        elsewhere = np.ones(len(boxes), np.bool_)
        for own, relative in ((self.objects, False), (self.ignored, True)):
            for box in own:
                shared = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:]) - np.maximum(boxes[:, :2], box[:2])
                area = np.clip(shared, 0, None).prod(1)
                whole = boxes[:, 2:].prod(1)
                elsewhere &= area / (whole if relative else whole + box[2:].prod() - area) < _SHARED
        return elsewhere


def scenes_of(inputs: Inputs, with_objects: bool) -> list[Scene]:
    """The negatives of a training, and with them the positives' pictures if those are wanted, too."""
    scenes = [Scene(path) for path in inputs.negatives]
    if with_objects and inputs.pictures is not None:
        for entry in read_objects(inputs.pictures, inputs.ignore):
            scenes.append(Scene(entry.path, entry.boxes[~entry.ignore], entry.boxes[entry.ignore]))
    return scenes


@dataclass(eq=False)
class Negatives:
    """The negatives of a training: what is left of those found before, and where to look for more.

    No window is looked at twice: pictures are gone through in `_PASSES` passes over different rows, so that the first
    windows come from all pictures, and then once more mirrored, at sizes in between.

    Attributes:
        scenes: the pictures.
        window: width and height.
        seed: of the order of the pictures, and of what is taken of a picture with very many windows.
        budget: bytes of pictures that are kept once they were read.
        patches: (N, height, width) uint8, windows that the cascade accepted when they were found.
        position: how many pictures were looked at, over all passes.
        share: of all windows that the cascade accepts, as far as those that were looked at tell.
    """

    scenes: Sequence[Scene]
    window: tuple[int, int]
    seed: int
    budget: float
    patches: Image = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))
    position: int = 0
    share: float = 1.0
    _kept: dict[int, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.patches):
            self.patches = np.zeros((0, self.window[1], self.window[0]), np.uint8)

    @property
    def _end(self) -> int:
        return 2 * _PASSES * len(self.scenes)

    def collect(self, model: BoostedModel, wanted: int, workers: Workers, tell: Callable[[int, int], None]) -> Image:
        """Windows that the cascade accepts, at most `wanted`; fewer where there are no more.

        Args:
            model: the cascade.
            wanted: so many.
            workers: look at pictures.
            tell: is told how many there are, and how many windows were looked at, from time to time.

        Returns:
            (N, height, width) uint8.
        """
        if len(self.patches):
            still = model.judge(Samples(self.patches))[0] == len(model.stages)
            self.patches, self.share = self.patches[still], self.share * float(still.mean())
        accepted = looked_at = 0
        while len(self.patches) < wanted and self.position < self._end:
            kept = [self.patches]
            count = len(self.patches)
            places = range(self.position, min(self.position + _BATCH, self._end))
            for found in workers.pool.map(lambda place: self._look(model, place, wanted), places):
                if count >= wanted:
                    break  # what is left of the batch is looked at again when more is wanted
                kept.append(found.patches)
                count += len(found.patches)
                accepted, looked_at = accepted + found.accepted, looked_at + found.looked_at
                self.position += 1
            self.patches = np.concatenate(kept)
            tell(count, looked_at)
        if looked_at:
            self.share = accepted / looked_at
        return self.patches[:wanted]

    def _look(self, model: BoostedModel, place: int, wanted: int) -> Found:
        """Look at one picture, in the rows of one pass."""
        turn, index = divmod(place, len(self.scenes))
        mirrored, turn = divmod(turn, _PASSES)
        order = np.random.default_rng((self.seed, mirrored, turn)).permutation(len(self.scenes))
        chosen = int(order[index])
        picture, scene = self._read(chosen), self.scenes[chosen]
        if mirrored:
            picture = np.ascontiguousarray(picture[:, ::-1])
        width, height = self.window
        turned = bool(model.features.turned[model.used()].any())
        buffer = np.empty(4096, np.int64)
        hits: list[tuple[Image, int, int]] = []
        boxes: list[tuple[float, float, float, float]] = []
        looked_at = 0
        chosen_copies = [turn == 2 or ((level + index) % _EIGHTH == 0) == (turn == 0) for level in range(_EIGHTH)]
        for copy, step in copies(picture, self.window, math.sqrt(_FACTOR) if mirrored else 1.0, chosen_copies):
            rows = np.arange(0, copy.shape[0] - height + 1, step)
            few = (np.arange(len(rows)) + index) % _EIGHTH == 0
            rows = rows[few if turn < 2 else ~few]
            if not len(rows):
                continue
            images, layout = laid_out(copy, step, turned)
            across = len(range(0, copy.shape[1] - width + 1, step))
            look = (images, layout.stride, rows, across, model.compile(layout))
            count = kernels.scan(*look, buffer)
            if count > len(buffer):
                buffer = np.empty(count, np.int64)
                kernels.scan(*look, buffer)
            looked_at += len(rows) * across
            for y, x in (divmod(int(base), layout.stride) for base in buffer[:count]):
                hits.append((copy, y, x * step))
                factor = picture.shape[1] / copy.shape[1]
                left = picture.shape[1] - (x * step + width) * factor if mirrored else x * step * factor
                boxes.append((left, y * factor, width * factor, height * factor))
        elsewhere = scene.holds_negative(np.array(boxes).reshape(-1, 4))
        hits = [hit for hit, there in zip(hits, elsewhere, strict=True) if there]
        # that not a few pictures full of texture make up all negatives; in the last pass they may be needed
        most = max(4, math.ceil(4 * wanted / len(self.scenes))) * (8 if turn == _PASSES - 1 else 1)
        accepted = len(hits)
        if accepted > most:
            taken = np.random.default_rng((self.seed, place)).choice(accepted, most, replace=False)
            hits = [hits[which] for which in np.sort(taken)]
        patches = [copy[y : y + height, x : x + width] for copy, y, x in hits]
        return Found(np.array(patches, np.uint8).reshape(-1, height, width), accepted, looked_at)

    def _read(self, index: int) -> Image:
        picture = self._kept.get(index)
        if picture is None:
            picture = read_gray(self.scenes[index].path)
            if picture.size <= self.budget:
                self.budget -= picture.size
                self._kept[index] = picture
        return picture


def copies(
    picture: Image, window: tuple[int, int], factor: float, wanted: Sequence[bool] = ()
) -> Iterator[tuple[Image, int]]:
    """The picture and smaller copies of it as OpenCV makes them, and the steps in which it looks at each.

    Args:
        picture: (H, W).
        window: no copy is smaller.
        factor: the first copy's.
        wanted: whether to make the first, the second, …; all by default.
    """
    width, height = window
    for level in itertools.count():
        size = (round(picture.shape[1] / np.float32(factor)), round(picture.shape[0] / np.float32(factor)))
        if size[0] < width or size[1] < height:
            return
        if not wanted or wanted[level % len(wanted)]:
            copy = picture if factor == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR_EXACT)
            yield np.asarray(copy), 1 if factor > 2 else 2
        factor *= _FACTOR
