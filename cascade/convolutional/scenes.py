"""The pictures of a training: what is in them, halved as often as needed, and windows cut out of them."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cascade.pictures import Image, read_gray
from cascade.samples.annotations import read_objects
from cascade.training.trainer import Inputs

MIDDLE = 128
"""The gray beyond a picture's border; networks see it as 0."""

Floats = npt.NDArray[np.float64]


def to_windows(boxes: npt.ArrayLike) -> Floats:
    """Boxes (N, 4) `x, y, width, height` as windows (N, 3) `x, y, size`: the centre, and the mean side √(w·h)."""
    x, y, w, h = np.asarray(boxes, np.float64).reshape(-1, 4).T
    return np.stack([x + w / 2, y + h / 2, np.sqrt(w * h)], axis=1)


def to_boxes(windows: npt.ArrayLike, aspect: float) -> Floats:
    """Windows (N, 3) as boxes (N, 4) whose width is `aspect` times their height."""
    x, y, size = np.asarray(windows, np.float64).reshape(-1, 3).T
    w, h = size * math.sqrt(aspect), size / math.sqrt(aspect)
    return np.stack([x - w / 2, y - h / 2, w, h], axis=1)


def overlaps(windows: Floats, others: Floats, aspect: float) -> Floats:
    """Intersection over union of windows (N, 3) and (M, 3) of one aspect: (N, M)."""
    stretched = np.array([1.0, aspect, 1.0])  # as squares
    a, b = (w * stretched for w in (windows, others))
    a, b = a[:, None], b[None]
    width = math.sqrt(aspect)
    shared = np.ones(np.broadcast_shapes(a.shape, b.shape)[:2])
    for axis in (0, 1):
        far = np.minimum(a[..., axis] + a[..., 2] * width / 2, b[..., axis] + b[..., 2] * width / 2)
        near = np.maximum(a[..., axis] - a[..., 2] * width / 2, b[..., axis] - b[..., 2] * width / 2)
        shared = shared * np.clip(far - near, 0, None)
    union = (a[..., 2] ** 2 + b[..., 2] ** 2) * aspect - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


@dataclass
class Memory:
    """So many bytes for pictures that were read."""

    free: float

    def holds(self, size: int) -> bool:
        """Whether so many bytes more may be kept; they are then."""
        if fits := self.free >= size:
            self.free -= size
        return fits


@dataclass(eq=False)
class Scene:
    """A picture to train on.

    Attributes:
        picture: its file, or its grays.
        objects: (N, 3) windows that hold an object, in the detector's framing.
        ignore: (M, 4) boxes in which nothing that is not an object is learned from.
        memory: what decides whether the picture is kept once it was read.
    """

    picture: Path | Image
    objects: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    ignore: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    memory: "Memory | None" = field(default=None, repr=False)
    _levels: list[Image] = field(default_factory=list, repr=False)

    def level(self, halvings: int) -> tuple[Image, int]:
        """The picture halved so many times, or as often as it can be, and how often that is."""
        levels = self._levels or [read_gray(self.picture) if isinstance(self.picture, Path) else self.picture]
        while len(levels) <= halvings and min(levels[-1].shape) > 1:
            levels.append(halved(levels[-1]))
        if not self._levels and (self.memory is None or self.memory.holds(levels[0].nbytes * 4 // 3)):
            self._levels = levels
        reached = min(halvings, len(levels) - 1)
        return levels[reached], reached

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.level(0)[0].shape
        return width, height


def halved(image: Image) -> Image:
    """A picture of half the size, each pixel the mean of four; an odd last row or column is averaged by itself."""
    height, width = image.shape
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def cut(
    scene: Scene,
    window: Floats,
    patch: tuple[int, int],
    angle: float = 0.0,
    mirrored: bool = False,
    sharper: float = 0.5,
    onto: Image | None = None,
) -> Image:
    """Cut a window out of a picture as the detector's graph does.

    It takes the level of the pyramid whose pixels are nearest to the patch's in size and interpolates linearly
    between those; beyond the border is the middle gray.

    Args:
        scene: the picture.
        window: `x, y, size`, context included.
        patch: height and width of what is cut, in pixels.
        angle: by which the content is turned anticlockwise about the centre, in radians; for training alone.
        mirrored: whether it is mirrored, before it is turned.
        sharper: added to the level's number before it is rounded down: 0.5 rounds it.
        onto: what lies beyond the border instead, a patch; it is drawn on.
    """
    x, y, size = window
    step = size / math.sqrt(patch[0] * patch[1])
    image, halvings = scene.level(max(0, math.floor(math.log2(step) + sharper)))
    step, x, y = step / 2**halvings, x / 2**halvings, y / 2**halvings
    cos, sin = math.cos(angle) * step, math.sin(angle) * step
    sign = -1.0 if mirrored else 1.0
    # from the patch's pixels to the picture's, both by their centres
    turn = np.array([[sign * cos, -sign * sin], [sin, cos]])
    shift = np.array([x, y]) - turn @ (np.array([patch[1], patch[0]]) / 2 - 0.5) - 0.5
    matrix = np.concatenate([turn, shift[:, None]], axis=1)
    ground = np.full(patch, MIDDLE, np.uint8) if onto is None else onto
    flags, border = (
        cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        cv2.BORDER_CONSTANT if onto is None else cv2.BORDER_TRANSPARENT,
    )
    drawn = cv2.warpAffine(image, matrix, patch[::-1], ground, flags, border, MIDDLE)
    return np.asarray(drawn, np.uint8)


def into_patch(points: Floats, window: Floats, angle: float, mirrored: bool) -> Floats:
    """Where points (N, 2) of the picture lie as `cut` turns it: from the window's centre, in units of its size."""
    x, y, size = window
    away = (points - (x, y)) / size
    if mirrored:
        away = away * (-1.0, 1.0)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.asarray(away @ np.array([[cos, -sin], [sin, cos]]))


def read_scenes(inputs: Inputs, aspect: float, gigabytes: float) -> list[Scene]:
    """The pictures of a training: with objects, and without.

    Args:
        inputs: of the training.
        aspect: width over height of the objects' boxes.
        gigabytes: of pictures that are kept in memory once they were read.
    """
    memory = Memory(gigabytes * 1e9)
    assert inputs.pictures is not None
    positives = [
        Scene(entry.path, to_windows(entry.boxes[~entry.ignore]), entry.boxes[entry.ignore], memory)
        for entry in read_objects(inputs.pictures, inputs.ignore)
    ]
    return positives + [Scene(path, memory=memory) for path in inputs.negatives]


def steps(scene: Scene, pitch: float) -> int:
    """How many windows a scan looks at whose steps at the picture's full size are so many pixels."""
    width, height = scene.size
    total = 0
    while min(width, height) >= pitch:
        total += round(width / pitch) * round(height / pitch)
        pitch *= 2
    return total
