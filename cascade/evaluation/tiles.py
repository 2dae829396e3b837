"""Pictures of what went wrong: sheets of missed faces and of false alarms."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cascade.errors import DataError
from cascade.pictures import Image

_SIDE = 112
_GAP = 4
_COLUMNS = 10
_CONTEXT = 1.8
_GROUND = (32, 32, 32)
_INK = (225, 225, 225)


@dataclass
class Tiles:
    """Cut-outs with captions, of which the most telling are kept.

    Attributes:
        title: the line above the sheet.
        limit: how many are kept.
    """

    title: str
    limit: int = 60
    _tiles: list[tuple[float, Image, str]] = field(default_factory=list)
    _seen: int = 0

    def add(self, image: Image, box: npt.NDArray[Any], priority: float, caption: str) -> None:
        """Cut out a box with what surrounds it; tiles of higher priority are shown first and kept longer."""
        self._seen += 1
        if self.limit == 0 or (len(self._tiles) == self.limit and priority <= self._tiles[-1][0]):
            return
        self._tiles.append((priority, _cut(image, box), caption))
        self._tiles.sort(key=lambda tile: -tile[0])
        del self._tiles[self.limit :]

    def sheet(self) -> Image:
        """The tiles in a grid: (height, width, 3), BGR."""
        rows = max(1, -(-len(self._tiles) // _COLUMNS))
        step_x, step_y, top = _SIDE + _GAP, _SIDE + 16, 28
        page = np.full((top + rows * step_y, _GAP + _COLUMNS * step_x, 3), _GROUND, np.uint8)
        shown = f", {len(self._tiles)} shown" if len(self._tiles) < self._seen else ""
        _write(page, f"{self.title}: {self._seen}{shown}", _GAP, 19, 0.5)
        for index, (_, tile, caption) in enumerate(self._tiles):
            x, y = _GAP + index % _COLUMNS * step_x, top + index // _COLUMNS * step_y
            page[y : y + _SIDE, x : x + _SIDE] = tile
            _write(page, caption, x, y + _SIDE + 12, 0.34)
        return page

    def save(self, path: Path) -> None:
        """Write the sheet as a picture."""
        save_picture(path, self.sheet())


def save_picture(path: Path, picture: Image) -> None:
    """Write a picture; OpenCV itself stays silent when it cannot.

    Raises:
        DataError: it cannot.
    """
    if not cv2.imwrite(str(path), picture):
        raise DataError(f"cannot write {path}: is the disk full, or the folder read-only?")


def _cut(image: Image, box: npt.NDArray[Any]) -> Image:
    x, y, width, height = (float(v) for v in box)
    side = max(width, height, 1.0) * _CONTEXT
    scale = _SIDE / side
    left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
    move = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    tile = cv2.warpAffine(image, move, (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderValue=_GROUND)
    corners = [((x - left) * scale, (y - top) * scale)]
    corners.append((corners[0][0] + width * scale, corners[0][1] + height * scale))
    first, second = ((round(a), round(b)) for a, b in corners)
    cv2.rectangle(tile, first, second, (80, 220, 255), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _write(page: Image, text: str, x: int, y: int, size: float) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
