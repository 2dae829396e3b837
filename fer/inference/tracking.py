"""Following faces from frame to frame: identity, movement between detections, steady probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.boxes import iou
from cascade.detector import Detections
from cascade.errors import ConfigError
from cascade.pictures import Image
from cascade.ranges import Count, Natural, NotNegative, Part
from fer.inference.frames import Frame

Array = NDArray[np.float32]

_GRID = 4  # points per side that are followed in a face
_PAIRS = np.triu_indices(_GRID**2, 1)
_WINDOW = (11, 11)  # small ones frame more closely, and cost less
_LEVELS = 4  # halvings of the picture: how fast a face may move
_FLOW_SIDE = 480  # longer side of the picture in which points are followed
_BACK = 1.0  # pixels that a point may end beside its start when followed back (Kalal et al., 2010)
_ENOUGH = 0.4  # share of the points that must survive
_JUMP = 0.15  # share of a new detection in a followed box: detectors jitter, the flow drifts
_FAR = 0.7  # a followed box that overlaps a new detection by less (IoU) is replaced by it


@dataclass
class Tracking:
    """How faces are followed."""

    detect_every: Count = 5  # frames from one detection to the next; between them boxes move with the picture
    half_life_s: NotNegative = 0.3  # seconds after which a frame counts half in the smoothed probabilities; 0 for none
    min_iou: Part = 0.3  # overlap from which a detection continues a track
    max_misses: Natural = 2  # detections in a row that may miss a face that is still followed
    keep_s: NotNegative = 1.0  # seconds for which a face out of sight keeps its id

    def __post_init__(self) -> None:
        """Raise ConfigError for values that cannot work."""
        if self.detect_every < 1 or self.half_life_s < 0 or not 0 < self.min_iou <= 1:
            raise ConfigError(
                f"tracking: detect_every must be 1 or more, half_life_s 0 or more, min_iou above 0 and at most 1; "
                f"got {self}"
            )


@dataclass(eq=False)
class Track:
    """One face on its way through a video, found or seen last at `seen_s` seconds."""

    id: int
    box: Array
    score: float
    seen_s: float
    misses: int = 0
    visible: bool = True
    _mean: Array | None = None
    _mean_s: float = 0.0

    def smoothed(self, probabilities: Array, time_s: float, half_life_s: float) -> Array:
        """Add a frame's probabilities (C,) to the running mean and return the mean."""
        if self._mean is None or half_life_s == 0:
            self._mean = probabilities.copy()
        else:
            old = 0.5 ** (max(time_s - self._mean_s, 0.0) / half_life_s)
            self._mean = old * self._mean + (1 - old) * probabilities
        self._mean_s = time_s
        return self._mean


class FaceTracker:
    """Gives faces their ids and moves their boxes; one object per video."""

    def __init__(self, settings: Tracking) -> None:
        self.settings = settings
        self._tracks: list[Track] = []
        self._ids, self._frames = count(1), count()
        self._before: Image | None = None

    def update(self, frame: Frame, detect: Callable[[Frame], Detections]) -> list[Track]:
        """The faces in the next frame, whose time stamp rises; `detect` is called on every `detect_every`-th."""
        time_s = frame.time_s or 0.0
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= self.settings.keep_s]
        # first of all, as the detector's copy of the frame serves the flow, too
        found = detect(frame) if next(self._frames) % self.settings.detect_every == 0 else None
        self._move(frame.gray.shape, frame.shrunk(_FLOW_SIDE))
        if found is not None:
            self._match(found, time_s)
        for track in self._visible:
            track.seen_s = time_s
        return self._visible

    @property
    def _visible(self) -> list[Track]:
        return [track for track in self._tracks if track.visible]

    def _move(self, shape: tuple[int, ...], small: Image) -> None:
        """Move every visible box with the picture; hide those whose content is lost."""
        tracks, before, self._before = self._visible, self._before, small
        moved: list[Array | None] = [None] * len(tracks)
        factor = min(1.0, _FLOW_SIDE / max(shape))
        if tracks and before is not None and before.shape == small.shape:
            moved = follow_boxes(before, small, np.array([track.box for track in tracks], np.float32) * factor)
        for track, box in zip(tracks, moved, strict=True):
            if box is None or not _inside(box / factor, shape):
                track.visible = False
            else:
                track.box = box / np.float32(factor)

    def _match(self, found: Detections, time_s: float) -> None:
        """Give detections to tracks, best overlap first; the rest become new tracks."""
        overlap = iou(np.array([track.box for track in self._tracks], np.float32), found.boxes)
        missed, free = set(range(len(self._tracks))), set(range(len(found)))
        while missed and free and (best := overlap.max()) >= self.settings.min_iou:
            row, column = divmod(int(overlap.argmax()), len(found))
            overlap[row] = overlap[:, column] = 0
            missed.remove(row)
            free.remove(column)
            track, box = self._tracks[row], found.boxes[column]
            track.box = (1 - _JUMP) * track.box + _JUMP * box if track.visible and best >= _FAR else box
            track.score, track.misses, track.visible = float(found.scores[column]), 0, True
        for track in (self._tracks[row] for row in missed):
            track.misses += 1
            track.visible &= track.misses <= self.settings.max_misses
        for column in sorted(free):
            box, score = found.boxes[column], float(found.scores[column])
            self._tracks.append(Track(next(self._ids), box, score, time_s))


def follow_boxes(before: Image, after: Image, boxes: Array) -> list[Array | None]:
    """Move boxes with the picture by the median of their points' movement (median flow, Kalal et al., 2010).

    Args:
        before: one frame, gray (H, W).
        after: the next.
        boxes: (N, 4) in pixels of these frames; one becomes None where too few of its points could be followed.
    """
    steps = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID * 0.7 + 0.15
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = (boxes[:, None, :2] + grid * boxes[:, None, 2:]).astype(np.float32)
    flat = points.reshape(-1, 1, 2)
    ahead, found = _flow(before, after, flat)
    back, returned = _flow(after, before, ahead)
    stray = np.abs(back - flat).max(axis=(1, 2))
    good = (found & returned & (stray < _BACK)).reshape(len(boxes), -1)
    moved = _moved(boxes, points, ahead.reshape(points.shape), good)
    return [box if ok else None for box, ok in zip(moved, good.mean(axis=1) >= _ENOUGH, strict=True)]


def _flow(before: Image, after: Image, points: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Where points (N, 1, 2) went (Lucas and Kanade, on a pyramid), and (N,) whether that is known."""
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy(), winSize=_WINDOW, maxLevel=_LEVELS)
    return np.asarray(moved, np.float32), np.asarray(found)[:, 0] == 1


def _moved(boxes: Array, start: Array, end: Array, good: NDArray[np.bool_]) -> Array:
    """Boxes (N, 4) after those of their points (N, M, 2) that are good, (N, M), went from start to end."""
    first, second = _PAIRS
    apart, then = (np.linalg.norm(points[:, first] - points[:, second], axis=2) for points in (start, end))
    growth = _medians(then / apart, good[:, first] & good[:, second])
    way = np.stack([_medians(end[..., axis] - start[..., axis], good) for axis in (0, 1)], axis=1)
    size = boxes[:, 2:] * growth[:, None]
    centre = boxes[:, :2] + boxes[:, 2:] / 2 + way
    return np.concatenate([centre - size / 2, size], axis=1).astype(np.float32)


def _medians(values: Array, valid: NDArray[np.bool_]) -> Array:
    """The median (N,) of each row's valid values, (N, M); of none no number."""
    ranked = np.sort(np.where(valid, values, np.nan), axis=1)  # what is no number comes last
    count = valid.sum(axis=1, keepdims=True)
    middle = np.concatenate([(count - 1) // 2, count // 2], axis=1).clip(0)
    return np.asarray(np.take_along_axis(ranked, middle, axis=1).mean(axis=1), np.float32)


def _inside(box: Array, shape: tuple[int, ...]) -> bool:
    """True while a box's centre is in the picture."""
    x, y = box[:2] + box[2:] / 2
    return bool(0 <= x < shape[1] and 0 <= y < shape[0] and min(box[2:]) >= 4)
