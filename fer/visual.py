"""Pictures for people: contact sheets, confusion matrices, curves."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

_GAP = 4
_LINE = 13
_GROUND = (32, 32, 32)
_INK = (225, 225, 225)
_DARK = (60, 60, 60)
_CURVES = ((200, 110, 30), (40, 90, 220), (70, 160, 60), (160, 60, 150))
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.36


def contact_sheet(
    images: NDArray[np.uint8],
    captions: Sequence[str] | None = None,
    columns: int = 8,
    *,
    cell: int = 96,
    title: str = "",
) -> NDArray[np.uint8]:
    """Draw faces in a grid, row by row.

    Args:
        images: uint8 (N, H, W), gray; N may be 0.
        captions: one text per face, drawn below it; each line break starts a new line, and a line that is
            wider than its cell is cut. None for no captions.
        columns: faces per row.
        cell: side in pixels of a drawn face; faces are enlarged without smoothing, so that one sees
            the pixels as the network does.
        title: a line above the grid; empty for none.

    Returns:
        uint8 (height, width, 3), BGR: what `cv2.imwrite` takes. For RGB reverse the last axis.

    Raises:
        ValueError: where images are not (N, H, W) or captions are not as many as faces.
    """
    if images.ndim != 3:
        raise ValueError(f"images must be (N, H, W), not {images.shape}")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    lines = [caption.splitlines() for caption in captions or ()]
    step_x = cell + _GAP
    step_y = cell + _GAP + _LINE * max((len(caption) for caption in lines), default=0)
    top = _LINE + 2 * _GAP if title else _GAP
    rows = -(-len(images) // columns)
    sheet = np.full((top + rows * step_y, _GAP + columns * step_x, 3), _GROUND, dtype=np.uint8)
    if title:
        _write(sheet, title, _GAP, top - _GAP, sheet.shape[1] - 2 * _GAP)
    for index, image in enumerate(images):
        x = _GAP + index % columns * step_x
        y = top + index // columns * step_y
        drawn = cv2.resize(np.ascontiguousarray(image), (cell, cell), interpolation=cv2.INTER_NEAREST)
        sheet[y : y + cell, x : x + cell] = drawn[..., None]
        for number, line in enumerate(lines[index] if lines else ()):
            _write(sheet, line, x, y + cell + _LINE * (number + 1) - 2, cell)
    return sheet


def _write(sheet: NDArray[np.uint8], text: str, x: int, y: int, width: int, ink: tuple[int, int, int] = _INK) -> None:
    """Write one line with its foot at (x, y), cut to `width` pixels."""
    while text and cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0] > width:
        text = text[:-1]
    cv2.putText(sheet, text, (x, y), _FONT, _FONT_SCALE, ink, 1, cv2.LINE_AA)


def confusion_picture(confusion: NDArray[np.int64], names: Sequence[str], cell: int = 64) -> NDArray[np.uint8]:
    """Draw a confusion matrix: each cell is shaded by its share of the row and holds share and count.

    Args:
        confusion: int (C, C), rows true classes, columns predictions.
        names: the C class names.
        cell: side of a cell in pixels.

    Returns:
        uint8 (height, width, 3), BGR.
    """
    left, top = 84, 40
    size = len(names)
    sheet = np.full((top + size * cell + _GAP, left + size * cell + _GAP, 3), _GROUND, dtype=np.uint8)
    _write(sheet, "true \\ predicted", _GAP, 14, left + cell)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(names):
        _write(sheet, name, _GAP, top + row * cell + cell // 2 + 4, left - _GAP)
        _write(sheet, name, left + row * cell + _GAP, top - _GAP, cell - _GAP)
        for column in range(size):
            share = float(shares[row, column])
            x, y = left + column * cell, top + row * cell
            shade = np.array((60, 200, 90) if row == column else (70, 90, 230)) * share + np.array(_GROUND) * (
                1 - share
            )
            sheet[y + 1 : y + cell, x + 1 : x + cell] = shade.astype(np.uint8)
            _write(sheet, f"{share:.0%}", x + 8, y + cell // 2, cell - 8)
            _write(sheet, str(int(confusion[row, column])), x + 8, y + cell // 2 + _LINE + 2, cell - 8)
    return sheet


def curves_picture(
    curves: Mapping[str, Sequence[float]], title: str = "", size: tuple[int, int] = (720, 400)
) -> NDArray[np.uint8]:
    """Draw curves over epochs 1, 2, … on one pair of axes.

    Args:
        curves: values per epoch for each name; NaN leaves a gap.
        title: a line above the plot.
        size: width and height in pixels.

    Returns:
        uint8 (height, width, 3), BGR.
    """
    width, height = size
    left, right, top, bottom = 52, width - 12, 28, height - 46
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    _write(picture, title, left, 18, width - left, _DARK)
    values = np.array([v for curve in curves.values() for v in curve if np.isfinite(v)])
    epochs = max((len(curve) for curve in curves.values()), default=0)
    if not values.size:
        return picture
    step = _round_step(float(np.ptp(values)) / 6)
    low = np.floor(values.min() / step) * step
    high = max(np.ceil(values.max() / step) * step, low + step)

    def place(epoch: float, value: float) -> tuple[int, int]:
        x = left + (right - left) * (epoch - 1) / max(epochs - 1, 1)
        return round(x), round(bottom - (bottom - top) * (value - low) / (high - low))

    for value in np.arange(low, high + step / 2, step):
        y = place(1, value)[1]
        cv2.line(picture, (left, y), (right, y), (225, 225, 225), 1)
        _write(picture, f"{value:.4g}", 6, y + 4, left - 8, _DARK)
    for epoch in np.unique(np.linspace(1, epochs, min(epochs, 6)).round()):
        _write(picture, f"{epoch:.0f}", place(epoch, low)[0] - 8, bottom + 16, 40, _DARK)
    _write(picture, "epoch", (left + right) // 2 - 16, bottom + 16, 60, _DARK)
    for number, (name, curve) in enumerate(curves.items()):
        colour = _CURVES[number % len(_CURVES)]
        points = [place(epoch, value) if np.isfinite(value) else None for epoch, value in enumerate(curve, 1)]
        for start, end in pairwise(points):
            if start and end:
                cv2.line(picture, start, end, colour, 2, cv2.LINE_AA)
        x = left + number * (right - left) // len(curves)
        cv2.line(picture, (x, height - 12), (x + 18, height - 12), colour, 2, cv2.LINE_AA)
        _write(picture, name, x + 24, height - 8, (right - left) // len(curves) - 26, _DARK)
    return picture


def _round_step(step: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(step, 1e-9)))
    return float(power * next(factor for factor in (1, 2, 5, 10) if factor * power >= step))
