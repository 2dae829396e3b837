"""Many small pictures on one page, to see at a glance what a data set holds or what a model gets wrong."""

from collections.abc import Sequence

import cv2
import numpy as np

from cascade.pictures import Image, to_colour
from cascade.text import printable

GROUND, INK = (32, 32, 32), (225, 225, 225)
_GAP, _LINE = 4, 13
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.36


def contact_sheet(
    images: Sequence[Image] | Image,
    captions: Sequence[str] | None = None,
    columns: int = 8,
    *,
    cell: int = 96,
    title: str = "",
) -> Image:
    """Lay pictures out in a grid, row by row.

    Args:
        images: uint8 pictures of one size, (N, H, W) gray or (N, H, W, 3) BGR; N may be 0.
        captions: one text per picture, drawn below it; each line break starts a new line, and a line that is wider
            than its cell is cut. None for no captions.
        columns: pictures per row.
        cell: width in pixels of a drawn picture; they are enlarged without smoothing, so that one sees the pixels
            as a network does.
        title: a line above the grid; empty for none.

    Returns:
        uint8 (height, width, 3), BGR: what `cv2.imwrite` takes. For RGB reverse the last axis.

    Raises:
        ValueError: images are not pictures, or captions are not as many.
    """
    if any(np.ndim(image) not in (2, 3) for image in images):
        raise ValueError("images must be (N, H, W) or (N, H, W, 3)")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    lines = [caption.splitlines() for caption in captions or ()]
    height = round(cell * images[0].shape[0] / images[0].shape[1]) if len(images) else cell
    step_x = cell + _GAP
    step_y = height + _GAP + _LINE * max((len(caption) for caption in lines), default=0)
    top = _LINE + 2 * _GAP if title else _GAP
    columns = max(1, min(columns, len(images))) if not title else columns
    rows = -(-len(images) // columns)
    sheet = np.full((max(top + rows * step_y, 1), _GAP + columns * step_x, 3), GROUND, np.uint8)
    write(sheet, title, _GAP, top - _GAP, sheet.shape[1] - 2 * _GAP)
    for index, image in enumerate(images):
        x, y = _GAP + index % columns * step_x, top + index // columns * step_y
        drawn = cv2.resize(np.ascontiguousarray(image), (cell, height), interpolation=cv2.INTER_NEAREST)
        sheet[y : y + height, x : x + cell] = to_colour(np.asarray(drawn, np.uint8))
        for number, line in enumerate(lines[index] if lines else ()):
            write(sheet, line, x, y + height + _LINE * (number + 1) - 2, cell)
    return sheet


def write(page: Image, text: str, x: int, y: int, width: int) -> None:
    """Write one line into a picture with its foot at (x, y), cut to `width` pixels."""
    text = printable(text)  # OpenCV ends the process over what is no UTF-8
    while text and cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0] > width:
        text = text[:-1]
    cv2.putText(page, text, (x, y), _FONT, _FONT_SCALE, INK, 1, cv2.LINE_AA)
