"""The features of a window: Haar-like (Viola and Jones 2001, Lienhart and Maydt 2002) and LBP (Zhang et al. 2007)."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Kind = Literal["HAAR", "LBP"]

_Shape = tuple[tuple[int, int], tuple[tuple[int, int, int, int], ...], int]
# Haar features by their cells across and down, the cells that count more, and how often: with the whole counted -1 the
# weights of a feature add up to nothing. Upright ones of BASIC and those that CORE adds, then those turned by 45°
_BASIC: tuple[_Shape, ...] = (
    ((2, 1), ((1, 0, 1, 1),), 2),
    ((1, 2), ((0, 1, 1, 1),), 2),
    ((3, 1), ((1, 0, 1, 1),), 3),
    ((1, 3), ((0, 1, 1, 1),), 3),
    ((2, 2), ((0, 0, 1, 1), (1, 1, 1, 1)), 2),
)
_MORE: tuple[_Shape, ...] = (((4, 1), ((1, 0, 2, 1),), 2), ((1, 4), ((0, 1, 1, 2),), 2), ((3, 3), ((1, 1, 1, 1),), 9))
_TURNED: tuple[_Shape, ...] = (
    ((2, 1), ((0, 0, 1, 1),), 2),
    ((1, 2), ((0, 0, 1, 1),), 2),
    ((3, 1), ((1, 0, 1, 1),), 3),
    ((1, 3), ((0, 1, 1, 1),), 3),
    ((4, 1), ((1, 0, 2, 1),), 2),
    ((1, 4), ((0, 1, 1, 2),), 2),
)
POINTS = 16
"""Corners of a feature: four for each of three rectangles, or those of the 3 × 3 cells."""


class Layout(NamedTuple):
    """How an integral image lies in memory, row after row.

    Attributes:
        stride: of the rows.
        odd: where in a row the odd columns begin, after all even ones; 0 where they stand between these. A detector
            that goes in steps of two pixels then finds neighbouring windows side by side.
    """

    stride: int
    odd: int = 0

    def at(self, row: Any, column: Any) -> Any:
        """The place of a row and column, of whole arrays of them."""
        if self.odd:
            return row * self.stride + column % 2 * self.odd + column // 2
        return row * self.stride + column


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a window.

    Attributes:
        kind: HAAR or LBP.
        rects: (F, 3, 4) int32, x, y, width, height of a Haar feature's rectangles, the last one perhaps empty; an LBP
            feature's first one is the upper left of its 3 × 3 cells.
        weights: (F, 3) int32 of the rectangles, 0 for an empty one.
        turned: (F,) bool, whether the rectangles are turned by 45°: then x, y is the uppermost corner, and width runs
            down to the right, height down to the left.
    """

    kind: Kind
    rects: Ints
    weights: Ints
    turned: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rects)

    def __getitem__(self, chosen: npt.NDArray[np.int64]) -> "Features":
        return Features(self.kind, self.rects[chosen], self.weights[chosen], self.turned[chosen])

    def points(self, layout: Layout) -> Ints:
        """Where in an integral image the corners lie, from a window's first: (F, 16) int32."""
        x, y, w, h = np.moveaxis(self.rects, -1, 0)
        points = np.zeros((len(self), POINTS), np.int32)
        if self.kind == "LBP":
            grid = np.arange(4)
            rows = y[:, :1, None] + grid[:, None] * h[:, :1, None]
            columns = x[:, :1, None] + grid * w[:, :1, None]
            points[:] = layout.at(rows, columns).reshape(len(self), POINTS)
            return points
        upright = [(y, x), (y, x + w), (y + h, x), (y + h, x + w)]
        tilted = [(y, x), (y + h, x - h), (y + w, x + w), (y + w + h, x + w - h)]
        places = [np.stack([layout.at(*corner) for corner in corners], -1) for corners in (upright, tilted)]
        chosen = np.where(self.turned[:, None, None], places[1], places[0])
        points[:, :12] = np.where(self.weights[..., None] != 0, chosen, 0).reshape(len(self), 12)
        return points


def haar_features(width: int, height: int, mode: Literal["BASIC", "CORE", "ALL"]) -> Features:
    """All Haar features of a window of width × height pixels: upright, with more shapes, or turned ones as well."""
    shapes = [(shape, False) for shape in (*_BASIC, *(_MORE if mode != "BASIC" else ()))]
    shapes += [(shape, True) for shape in _TURNED] if mode == "ALL" else []
    parts = [_place(width, height, shape, turned) for shape, turned in shapes]
    rects, weights, turned = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Features("HAAR", rects, weights, turned)


def lbp_features(width: int, height: int) -> Features:
    """All multi-block LBP features of a window: 3 × 3 equal cells of any size, anywhere."""
    places = _places(width, height, 3, 3, False)
    rects = np.zeros((len(places), 3, 4), np.int32)
    rects[:, 0] = places
    nothing = np.zeros((len(places), 3), np.int32)
    return Features("LBP", rects, nothing, np.zeros(len(places), np.bool_))


def _place(width: int, height: int, shape: _Shape, turned: bool) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Rectangles, weights and direction of one shape at all places in all sizes."""
    cells, counted, weight = shape
    x, y, w, h = _places(width, height, *cells, turned).T
    rects = np.zeros((len(x), 3, 4), np.int32)
    weights = np.zeros((len(x), 3), np.int32)
    rects[:, 0] = np.stack([x, y, cells[0] * w, cells[1] * h], 1)
    weights[:, 0] = -1
    for index, (right, down, across, along) in enumerate(counted, 1):
        # among turned ones the next cell to the right lies w further down as well, the next one below h to the left
        aside, deeper = (down * h, right * w) if turned else (0, 0)
        rects[:, index] = np.stack([x + right * w - aside, y + down * h + deeper, across * w, along * h], 1)
        weights[:, index] = weight
    return rects, weights, np.full(len(x), turned)


def _places(width: int, height: int, across: int, down: int, turned: bool) -> Ints:
    """x, y and a cell's width and height for all grids of across × down cells that fit: (N, 4)."""
    parts = [np.zeros((0, 4), np.int32)]
    for w in range(1, width // across + 1):
        for h in range(1, height // down + 1):
            # a turned grid reaches down * h to the left of its uppermost corner, and down on both sides
            first, deep = (down * h, across * w + down * h) if turned else (0, down * h)
            x, y = np.meshgrid(np.arange(first, width - across * w + 1), np.arange(height - deep + 1))
            cell = np.broadcast_to([w, h], (x.size, 2))
            parts.append(np.concatenate([x.reshape(-1, 1), y.reshape(-1, 1), cell], 1).astype(np.int32))
    return np.concatenate(parts)
