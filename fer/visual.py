"""Contact sheets: many faces with captions in one picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_GAP = 4
_LINE = 13
_GROUND = (32, 32, 32)
_INK = (225, 225, 225)
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


def _write(sheet: NDArray[np.uint8], text: str, x: int, y: int, width: int) -> None:
    """Write one line with its foot at (x, y), cut to `width` pixels."""
    while text and cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0] > width:
        text = text[:-1]
    cv2.putText(sheet, text, (x, y), _FONT, _FONT_SCALE, _INK, 1, cv2.LINE_AA)


def confusion_picture(
    confusion: NDArray[np.int64], names: Sequence[str], cell: int = 64
) -> NDArray[np.uint8]:
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
            shade = np.array((60, 200, 90) if row == column else (70, 90, 230)) * share + np.array(
                _GROUND
            ) * (1 - share)
            sheet[y + 1 : y + cell, x + 1 : x + cell] = shade.astype(np.uint8)
            _write(sheet, f"{share:.0%}", x + 8, y + cell // 2, cell - 8)
            _write(sheet, str(int(confusion[row, column])), x + 8, y + cell // 2 + _LINE + 2, cell - 8)
    return sheet
