"""Training examples: windows drawn around objects and beside them, varied as pictures vary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cascade.convolutional.scenes import Floats, Scene, cut, into_patch, overlaps
from cascade.pictures import Image
from cascade.ranges import NotNegative, Share

IGNORED, NOTHING, OBJECT = -1.0, 0.0, 1.0
"""What a target's first number says of its window; the others are offset and scale, where there is an object."""

Batch = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""Windows (N, 1, height, width), and their targets (N, 4) or (N, 4, rows, columns)."""


@dataclass
class Variation:
    """How examples are varied: `angle` and the others are standard deviations, shares are 0 to 1.

    Attributes:
        angle: turned by, in degrees.
        mirror: whether half of them are mirrored.
        contrast: of the logarithm of the contrast.
        brightness: in grays.
        gamma: of the logarithm of gamma.
        blurred, coarse, noisy, compressed, shaded, covered: shares that are blurred, enlarged from fewer pixels,
            given noise, JPEG artefacts, light from one side, something before them.
    """

    angle: NotNegative = 8.0
    mirror: bool = True
    contrast: NotNegative = 0.3
    brightness: NotNegative = 25.0
    gamma: NotNegative = 0.25
    blurred: Share = 0.15
    coarse: Share = 0.2
    noisy: Share = 0.2
    compressed: Share = 0.15
    shaded: Share = 0.2
    covered: Share = 0.1

    def turn(self, random: np.random.Generator) -> tuple[float, bool]:
        """An angle in radians, and whether to mirror."""
        return math.radians(random.normal(0, self.angle)), bool(self.mirror and random.random() < 0.5)

    def apply(self, patch: Image, random: np.random.Generator) -> Image:
        """The patch, varied: (h, w) uint8."""
        height, width = patch.shape
        blurred, coarse, noisy, compressed, shaded, covered, side = random.random(7)
        if covered < self.covered:
            w, h = (max(1, int(length * random.uniform(0.1, 0.4))) for length in (width, height))
            x, y = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
            patch = patch.copy()
            patch[y : y + h, x : x + w] = random.integers(0, 256)
        if coarse < self.coarse:
            factor = random.uniform(0.35, 0.9)
            small = cv2.resize(patch, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            patch = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        if blurred < self.blurred:
            if side < 0.5:
                patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), random.uniform(0.4, 1.4)), np.uint8)
            else:
                kernel = (int(random.integers(2, 6)), 1)
                patch = np.asarray(cv2.blur(patch, kernel if random.random() < 0.5 else kernel[::-1]), np.uint8)
        grays = np.arange(256, dtype=np.float32) / 255
        gamma, contrast = np.exp(random.normal(0, (self.gamma, self.contrast)))
        mean = float(patch.mean())
        table = (grays**gamma) * 255
        table = (table - mean) * contrast + mean + random.normal(0, self.brightness)
        out = cv2.LUT(patch, np.clip(table, 0, 255).astype(np.uint8))
        if shaded < self.shaded:
            direction = random.uniform(0, 2 * math.pi)
            strength = random.uniform(20, 90)
            ramp = np.add.outer(
                np.linspace(-1, 1, height, dtype=np.float32) * math.sin(direction),
                np.linspace(-1, 1, width, dtype=np.float32) * math.cos(direction),
            )
            out = np.clip(out + ramp * strength, 0, 255).astype(np.uint8)
        if noisy < self.noisy:
            noise = random.standard_normal(out.shape, np.float32) * random.uniform(3, 18)
            out = np.clip(out + noise, 0, 255).astype(np.uint8)
        if compressed < self.compressed:
            quality = int(random.integers(15, 70))
            written = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            out = np.asarray(cv2.imdecode(written, cv2.IMREAD_GRAYSCALE), np.uint8)
        return np.asarray(out, np.uint8)


@dataclass(eq=False)
class Hard:
    """What a detector gets wrong.

    Attributes:
        pictures: (N,) numbers of pictures.
        windows: (N, 3) what it mistakes there.
        missed: (objects,) of how much use each object is: 1, and more for those that it hardly finds; None: all alike.
    """

    pictures: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    windows: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    missed: Floats | None = None

    def __len__(self) -> int:
        return len(self.pictures)


class Source:
    """Draws windows of a set of pictures.

    Args:
        scenes: the pictures.
        aspect: width over height of the objects.
        variation: how examples vary.
        smallest: objects of fewer pixels (mean side) in their picture are not drawn.
    """

    def __init__(self, scenes: Sequence[Scene], aspect: float, variation: Variation, smallest: float = 12.0) -> None:
        self.scenes, self.aspect, self.variation = list(scenes), aspect, variation
        pairs = [
            (number, index)
            for number, scene in enumerate(self.scenes)
            for index, size in enumerate(scene.objects[:, 2])
            if size >= smallest
        ]
        self.objects = np.array(pairs, np.int64).reshape(-1, 2)
        self.empty = np.flatnonzero([not len(scene.objects) and not len(scene.ignore) for scene in self.scenes])
        self._hard = Hard()
        self._use = np.zeros(0)

    @property
    def hard(self) -> Hard:
        """What is drawn more often than by chance."""
        return self._hard

    @hard.setter
    def hard(self, hard: Hard) -> None:
        self._hard = hard
        self._use = np.zeros(0) if hard.missed is None else np.cumsum(hard.missed)

    def an_object(self, random: np.random.Generator) -> tuple[int, Floats]:
        """An object: the picture's number, and its window (3,)."""
        index = int(random.integers(len(self.objects)))
        if len(self._use):
            index = int(np.searchsorted(self._use, random.random() * self._use[-1], side="right"))
        number, which = self.objects[index]
        return int(number), self.scenes[number].objects[which]

    def anywhere(self, random: np.random.Generator, smallest: float) -> tuple[int, Floats]:
        """A window anywhere in a picture, some of it perhaps outside: the picture's number, and (3,)."""
        number = int(random.integers(len(self.scenes)))
        width, height = self.scenes[number].size
        largest = max(1.2 * smallest, 0.9 * min(width, height))
        size = math.exp(random.uniform(math.log(smallest), math.log(largest)))
        return number, np.array([random.uniform(0, width), random.uniform(0, height), size])

    def see(
        self,
        number: int,
        window: Floats,
        patch: tuple[int, int],
        turn: tuple[float, bool],
        random: np.random.Generator,
        sharper: float = 0.5,
    ) -> Image:
        """Cut a window and vary it; beyond the border lies, mostly, another picture: (h, w) uint8."""
        scene, ground = self.scenes[number], None
        width, height = scene.size
        reach = window[2] * 0.75
        within = reach <= window[0] <= width - reach and reach <= window[1] <= height - reach
        if not within and len(self.empty) and random.random() < 0.7:
            other = self.scenes[int(random.choice(self.empty))]
            size = math.exp(random.uniform(math.log(24), math.log(max(25, min(other.size)))))
            place = (*(random.uniform(size / 2, max(side - size / 2, size / 2 + 1)) for side in other.size), size)
            ground = cut(other, np.array(place), patch)
        return self.variation.apply(cut(scene, window, patch, *turn, sharper, ground), random)

    def hard_one(self, random: np.random.Generator) -> tuple[int, Floats] | None:
        """One of the hard windows, None where there are none."""
        if not self.hard:
            return None
        index = int(random.integers(len(self.hard)))
        return int(self.hard.pictures[index]), self.hard.windows[index]


def judge(
    windows: Floats, scene: Scene, aspect: float, least: float, most: float
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """What windows (N, 3) of a picture hold.

    Args:
        windows: the windows.
        scene: the picture.
        aspect: width over height.
        least: overlap (IoU) with an object from which a window holds it.
        most: overlap up to which it holds nothing; between the two it is ignored.

    Returns:
        The verdict (N,), and the number of the nearest object (N,), 0 where there is none.
    """
    verdict = np.full(len(windows), NOTHING)
    nearest = np.zeros(len(windows), np.intp)
    best = np.zeros(len(windows))
    if len(scene.objects):
        shared = overlaps(windows, scene.objects, aspect)
        nearest, best = shared.argmax(1), shared.max(1)
        verdict[best > most] = IGNORED
        verdict[best >= least] = OBJECT
    if len(scene.ignore):
        w, h = windows[:, 2] * math.sqrt(aspect), windows[:, 2] / math.sqrt(aspect)
        left, top = windows[:, 0] - w / 2, windows[:, 1] - h / 2
        x, y, width, height = scene.ignore.T
        across = np.minimum((left + w)[:, None], x + width) - np.maximum(left[:, None], x)
        down = np.minimum((top + h)[:, None], y + height) - np.maximum(top[:, None], y)
        area = np.clip(across, 0, None) * np.clip(down, 0, None)
        smaller = np.minimum((w * h)[:, None], width * height)
        hidden = (area / np.maximum(smaller, 1e-9)).max(1) > 0.3
        verdict[hidden & (verdict == NOTHING) & (best < 0.1)] = IGNORED
    return verdict, nearest


class WindowExamples:
    """Examples for a network that judges single windows.

    Args:
        source: draws windows.
        patch: height and width of its windows in pixels.
        context: sides of what it sees, in those of the window that it judges.
        jitter: standard deviations of the offset, in sizes, and of the logarithm of the size, of windows on objects.
        shares: of objects, hard windows, windows beside objects; the rest is from anywhere.
    """

    def __init__(
        self,
        source: Source,
        patch: tuple[int, int],
        context: float,
        jitter: Sequence[float],
        shares: tuple[float, float, float] = (0.4, 0.4, 0.12),
    ) -> None:
        self.source, self.patch, self.context, self.shares, self.jitter = source, patch, context, shares, jitter

    def draw(self, count: int, random: np.random.Generator) -> Batch:
        """Draw a batch."""
        windows = np.empty((count, 1, *self.patch), np.uint8)
        targets = np.zeros((count, 4), np.float32)
        kinds = random.choice(4, count, p=[*self.shares, 1 - sum(self.shares)])
        for index, kind in enumerate(kinds):
            windows[index, 0], targets[index] = self._one(int(kind), random)
        return windows, targets

    def _one(self, kind: int, random: np.random.Generator) -> tuple[Image, npt.NDArray[np.float32]]:
        source, target = self.source, np.zeros(4, np.float32)
        number, window = self._window(kind, random)
        scene = source.scenes[number]
        verdict, nearest = judge(window[None], scene, source.aspect, 0.5, 0.35)
        target[0] = verdict[0]
        angle, mirrored = source.variation.turn(random)
        if target[0] == OBJECT:
            x, y, size = scene.objects[nearest[0]]
            target[1:3] = into_patch(np.array([[x, y]]), window, angle, mirrored)[0]
            target[3] = math.log(size / window[2])
        seen = window * (1, 1, self.context)
        return source.see(number, seen, self.patch, (angle, mirrored), random), target

    def _window(self, kind: int, random: np.random.Generator) -> tuple[int, Floats]:
        source = self.source
        if kind in (0, 2) and len(source.objects):
            number, (x, y, size) = source.an_object(random)
            offset, scale = self.jitter if kind == 0 else (0.45, 0.6)
            dx, dy, ds = random.normal(0, (offset, offset, scale))
            return number, np.array([x + dx * size, y + dy * size, size * math.exp(ds)])
        hard = source.hard_one(random) if kind == 1 else None
        if hard is None:
            return source.anywhere(random, 16)
        number, window = hard
        dx, dy, ds = random.normal(0, 0.06, 3)
        return number, np.array([window[0] + dx * window[2], window[1] + dy * window[2], window[2] * math.exp(ds)])


class ScanExamples:
    """Examples for the network that scans pictures: patches, and a target for each step of the middle of it.

    Args:
        source: draws windows.
        size: the smallest object that the network finds, mean side in pixels; the largest is twice as large.
        stride: its step in pixels.
        shares: of patches around objects and around hard windows; the rest is from anywhere.
    """

    margin = 1  # steps at each side of the patch without a target: they see its border

    def __init__(
        self, source: Source, size: float, stride: int, steps: int = 8, shares: tuple[float, float] = (0.55, 0.25)
    ) -> None:
        self.source, self.size, self.stride, self.steps, self.shares = source, size, stride, steps, shares
        self.patch = (steps * stride, steps * stride)

    def draw(self, count: int, random: np.random.Generator) -> Batch:
        """Draw a batch."""
        inner = self.steps - 2 * self.margin
        windows = np.empty((count, 1, *self.patch), np.uint8)
        targets = np.zeros((count, 4, inner, inner), np.float32)
        kinds = random.choice(3, count, p=[*self.shares, 1 - sum(self.shares)])
        for index, kind in enumerate(kinds):
            windows[index, 0], targets[index] = self._one(int(kind), random)
        return windows, targets

    def _one(self, kind: int, random: np.random.Generator) -> tuple[Image, npt.NDArray[np.float32]]:
        source = self.source
        goal = self.size * 2 ** random.uniform(-0.2, 1.2)
        angle, mirrored = source.variation.turn(random)
        number, window = self._window(kind, random)
        scale = window[2] / goal  # pixels of the picture for one of the patch
        seen = np.array([window[0], window[1], scale * self.patch[0]])
        seen[:2] += random.uniform(-0.22, 0.22, 2) * seen[2]
        scene = source.scenes[number]
        patch = source.see(number, seen, self.patch, (angle, mirrored), random, random.choice((0.0, 0.5)))
        return patch, self._targets(scene, seen, angle, mirrored)

    def _window(self, kind: int, random: np.random.Generator) -> tuple[int, Floats]:
        source = self.source
        if kind == 0 and len(source.objects):
            return source.an_object(random)
        hard = source.hard_one(random) if kind == 1 else None
        return source.anywhere(random, 20) if hard is None else hard

    def _targets(self, scene: Scene, seen: Floats, angle: float, mirrored: bool) -> npt.NDArray[np.float32]:
        inner, side = self.steps - 2 * self.margin, float(self.patch[0])
        middle = self.size * math.sqrt(2)
        target = np.zeros((4, inner, inner), np.float32)
        steps = (np.arange(inner) + self.margin + 0.5) * self.stride - side / 2
        across, down = np.meshgrid(steps, steps)
        if len(scene.ignore):
            x, y, w, h = scene.ignore.T
            centres = into_patch(np.stack([x + w / 2, y + h / 2], 1), seen, angle, mirrored) * side
            for (cx, cy), width, height in zip(centres, w * side / seen[2], h * side / seen[2], strict=True):
                hidden = (abs(across - cx) < width / 2) & (abs(down - cy) < height / 2)
                target[0][hidden] = IGNORED
        if not len(scene.objects):
            return target
        centres = into_patch(scene.objects[:, :2], seen, angle, mirrored) * side
        sizes = scene.objects[:, 2] * side / seen[2]
        nearest = np.full((inner, inner), np.inf)
        for (cx, cy), size in zip(centres, sizes, strict=True):
            dx, dy = cx - across, cy - down
            away = np.maximum(abs(dx), abs(dy)) / size
            fits = self.size <= size < 2 * self.size
            close = self.size * 0.8 <= size < 2.5 * self.size
            near = (away < 0.4) & (target[0] != OBJECT)
            target[0][near & (away < 0.6)] = IGNORED if close else NOTHING
            hit = (away < 0.22) & fits & (away < nearest)
            target[0][hit], nearest[hit] = OBJECT, away[hit]
            target[1][hit], target[2][hit] = dx[hit] / middle, dy[hit] / middle
            target[3][hit] = math.log(size / middle)
        return target
