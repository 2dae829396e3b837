"""From the many overlapping hits of a cascade's windows to one scored box a face."""

import numpy as np
import numpy.typing as npt

from cascade.boxes import shared_areas
from cascade.detector import Detections

_EPS = 0.2  # OpenCV's: how far sides may differ, as a share of the smaller box
_COVERED = 0.6

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.intp]


def group_hits(boxes: npt.ArrayLike, margins: npt.ArrayLike, min_neighbors: int) -> Detections:
    """Merge hits as OpenCV's `groupRectangles` does, and score each face by the evidence of all its hits.

    A face's box is the mean of its hits. Its score is the sum of their margins, the sums of the last stage
    less that stage's threshold: on WIDER FACE's pictures this ranks better than the number of hits, and
    much better than the largest margin, which is what OpenCV's `detectMultiScale3` gives (see
    docs/cascade_evaluation.md). Of two faces of which one lies largely in the other, the weaker goes.

    Args:
        boxes: (M, 4) hits, `x, y, width, height`.
        margins: (M,) margins of the hits, 0 or more.
        min_neighbors: a face needs more hits than this. 0 returns the hits as they are.
    """
    hits = np.asarray(boxes, np.float64).reshape(-1, 4)
    weights = np.maximum(np.asarray(margins, np.float64).reshape(-1), 0)
    if min_neighbors == 0 or len(hits) == 0:
        return Detections.ranked(hits, weights)
    groups = _connected(len(hits), *_similar_pairs(hits))
    counts = np.bincount(groups)
    totals = np.bincount(groups, weights)
    means = np.stack([np.bincount(groups, hits[:, i]) for i in range(4)], axis=1) / counts[:, None]
    kept = counts > min_neighbors
    return _drop_covered(Detections.ranked(means[kept], totals[kept]))


def _similar_pairs(boxes: _Floats) -> tuple[_Ints, _Ints]:
    """Index pairs of boxes whose four sides all differ by little.

    Sorted by the left side, so that only boxes that start close together are compared: an untrained
    cascade gives tens of thousands of hits.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    left, top, width, height = boxes[order].T
    reach = _EPS * 0.5 * (width + height)
    ends = np.searchsorted(left, left + reach, side="right")
    counts = ends - np.arange(1, len(boxes) + 1)
    first = np.repeat(np.arange(len(boxes)), counts)
    second = np.arange(len(first)) + np.repeat(ends - counts.cumsum(), counts)  # from the next box to the last in reach
    limit = _EPS * 0.5 * (np.minimum(width[first], width[second]) + np.minimum(height[first], height[second]))
    similar = np.ones(len(first), np.bool_)
    for side in (left, top, left + width, top + height):
        similar &= np.abs(side[first] - side[second]) <= limit
    return order[first[similar]], order[second[similar]]


def _connected(count: int, first: _Ints, second: _Ints) -> _Ints:
    """The connected component of each of `count` nodes, numbered from 0."""
    parents = np.arange(count)
    while (apart := parents[first] != parents[second]).any():
        first, second = first[apart], second[apart]
        roots = parents[first], parents[second]
        np.minimum.at(parents, np.maximum(*roots), np.minimum(*roots))
        while (parents != parents[parents]).any():
            parents = parents[parents]
    return np.unique(parents, return_inverse=True)[1]


def _drop_covered(found: Detections) -> Detections:
    """Without the boxes that share most of the smaller one's area with a better box."""
    areas = found.boxes[:, 2:].astype(np.float64).prod(axis=1)
    keep: list[int] = []
    for index in range(len(found)):
        shared = shared_areas(found.boxes[keep], found.boxes[index])[:, 0]
        if not (shared >= _COVERED * np.minimum(areas[keep], areas[index])).any():
            keep.append(index)
    return Detections(found.boxes[keep], found.scores[keep])
