"""Writing faces and expressions into a picture."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.pictures import Image, to_colour
from fer.inference.faces import Face
from fer.labels import COLOURS

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARGIN = 0.25  # of a box's sides, on each side: hair and chin are known, too
_SHADES = 6
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


def blurred(image: Image, boxes: NDArray[np.float32]) -> Image:
    """A copy of a picture in which the faces in boxes (N, 4) are unrecognisable: each an oval of a few coarse shades.

    Of a face remain `_SHADES` × `_SHADES` means, which no sharpening turns back into features.
    """
    out = np.array(image)
    height, width = image.shape[:2]
    for x, y, box_width, box_height in boxes.tolist():
        grown_x, grown_y = _MARGIN * box_width, _MARGIN * box_height
        left, top = max(0, round(x - grown_x)), max(0, round(y - grown_y))
        right, bottom = min(width, round(x + box_width + grown_x)), min(height, round(y + box_height + grown_y))
        if right <= left or bottom <= top:
            continue
        part = image[top:bottom, left:right]
        few = cv2.resize(part, (_SHADES, _SHADES), interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        oval = np.zeros(part.shape[:2], np.uint8)
        middle = round(x + box_width / 2) - left, round(y + box_height / 2) - top
        axes = round(box_width / 2 + grown_x), round(box_height / 2 + grown_y)
        cv2.ellipse(oval, middle, axes, 0, 0, 360, 1, cv2.FILLED)
        out[top:bottom, left:right][oval > 0] = smooth[oval > 0]
    return out


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
