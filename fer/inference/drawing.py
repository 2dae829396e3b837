"""Writing faces and expressions into a picture."""

from collections.abc import Iterable

import cv2
import numpy as np

from cascade.pictures import Image, to_colour
from fer.inference.faces import Face
from fer.labels import COLOURS

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LIGHT = 130  # colours that are lighter carry black letters


def colour_of(label: str) -> tuple[int, int, int]:
    """An expression's colour as (blue, green, red); gray for `unsure` and for classes that are not fer2013's."""
    red, green, blue = COLOURS.get(label, (180, 180, 180))
    return blue, green, red


def annotate(image: Image, faces: Iterable[Face]) -> Image:
    """A BGR copy (H, W, 3) of a gray or BGR picture with a frame and a caption per face."""
    canvas = to_colour(image)
    for face in faces:
        _draw(canvas, face)
    return canvas


def _draw(canvas: Image, face: Face) -> None:
    x, y, width, height = face.box
    colour, line = colour_of(face.shown), max(1, round(width / 60))
    left, top = round(x), round(y)
    cv2.rectangle(canvas, (left, top), (round(x + width), round(y + height)), colour, line, cv2.LINE_AA)
    track = "" if face.track_id is None else f"{face.track_id} "
    text = f"{track}{face.shown}" + ("" if face.unsure else f" {face.probabilities[face.label]:.0%}")
    # as wide as the face, within what can be read and what fits
    scale = float(np.clip(width / 170, 0.4, 2.0))
    thick, pad = max(1, round(scale * 1.6)), max(2, round(4 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, thick)
    block = (text_width + 2 * pad, text_height + below + 2 * pad)
    # above the face; inside it where the picture ends
    top = top - block[1] if top >= block[1] else top
    left = max(0, min(left - line // 2, canvas.shape[1] - block[0]))
    cv2.rectangle(canvas, (left, top), (left + block[0], top + block[1]), colour, cv2.FILLED)
    ink = (0, 0, 0) if np.dot((0.114, 0.587, 0.299), colour) > _LIGHT else (255, 255, 255)
    cv2.putText(canvas, text, (left + pad, top + pad + text_height), _FONT, scale, ink, thick, cv2.LINE_AA)
