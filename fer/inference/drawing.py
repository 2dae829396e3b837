"""Writing faces and expressions into a picture."""

from collections.abc import Sequence

import cv2
import numpy as np

from cascade.pictures import Image, to_colour
from fer.inference.faces import Face
from fer.labels import COLOURS

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_OTHER = (180, 180, 180)
_LIGHT = 130  # colours that are lighter carry black letters


def colour_of(label: str) -> tuple[int, int, int]:
    """An expression's colour as (blue, green, red); gray for classes that are not fer2013's."""
    red, green, blue = COLOURS.get(label, _OTHER)
    return blue, green, red


def annotate(image: Image, faces: Sequence[Face]) -> Image:
    """Draw a frame and a caption per face; the picture itself is not changed.

    Args:
        image: uint8 BGR (H, W, 3) or gray (H, W).
        faces: what to draw.

    Returns:
        uint8 BGR (H, W, 3).
    """
    canvas = to_colour(image)
    for face in faces:
        _draw(canvas, face)
    return canvas


def _draw(canvas: Image, face: Face) -> None:
    x, y, width, height = face.box
    colour = colour_of(face.label)
    line = max(1, round(width / 60))
    left, top, right, bottom = round(x), round(y), round(x + width), round(y + height)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, line, cv2.LINE_AA)

    text = f"{face.label} {face.probabilities[face.label]:.0%}"
    if face.track_id is not None:
        text = f"{face.track_id} {text}"
    # as wide as the face, within what can be read and what fits
    scale = float(np.clip(width / 170, 0.4, 2.0))
    thick = max(1, round(scale * 1.6))
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, thick)
    pad = max(2, round(4 * scale))
    block = text_height + below + 2 * pad
    # above the face; inside it where the picture ends
    block_top = top - block if top >= block else top
    block_left = max(0, min(left - line // 2, canvas.shape[1] - text_width - 2 * pad))
    cv2.rectangle(
        canvas, (block_left, block_top), (block_left + text_width + 2 * pad, block_top + block), colour, cv2.FILLED
    )
    blue, green, red = colour
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    ink = (0, 0, 0) if light > _LIGHT else (255, 255, 255)
    foot = (block_left + pad, block_top + pad + text_height)
    cv2.putText(canvas, text, foot, _FONT, scale, ink, thick, cv2.LINE_AA)
