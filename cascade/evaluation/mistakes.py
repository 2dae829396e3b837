"""Pictures of what went wrong: sheets of missed faces and of false alarms."""

import cv2
import numpy as np
import numpy.typing as npt

from cascade.contact_sheet import GROUND, contact_sheet
from cascade.evaluation.compare import Outcome
from cascade.pictures import Image, read_picture

_SIDE = 112
_COLUMNS = 10
_CONTEXT = 1.8
_FRAME = (80, 220, 255)


def mistake_sheet(title: str, mistakes: list[Outcome], limit: int) -> Image:
    """The largest misses or the surest false alarms, with what surrounds them: (height, width, 3), BGR."""
    chosen = sorted(mistakes, key=lambda mistake: -mistake.score)[:limit]
    shown = f", {len(chosen)} shown" if len(chosen) < len(mistakes) else ""
    tiles = [_cut(read_picture(mistake.path), mistake.box) for mistake in chosen]
    captions = [
        f"{path.stem[-16:]}\n{f'{box[2]:.0f}x{box[3]:.0f}' if verdict == 'missed' else f'{score:.3g}'}"
        for path, box, score, verdict in chosen
    ]
    return contact_sheet(tiles, captions, _COLUMNS, cell=_SIDE, title=f"{title}: {len(mistakes)}{shown}")


def _cut(image: Image, box: npt.NDArray[np.floating]) -> Image:
    x, y, width, height = (float(v) for v in box)
    scale = _SIDE / (max(width, height, 1.0) * _CONTEXT)
    left, top = _SIDE / 2 - (x + width / 2) * scale, _SIDE / 2 - (y + height / 2) * scale
    move = np.array([[scale, 0, left], [0, scale, top]])
    tile = cv2.warpAffine(image, move, (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderValue=GROUND)
    frame = (x * scale + left, y * scale + top, width * scale, height * scale)
    cv2.rectangle(tile, [round(v) for v in frame], _FRAME, 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)
