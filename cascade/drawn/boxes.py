"""The box of a face, by one rule for every picture that the renderer annotates."""

from typing import NamedTuple

from cascade.drawn.sketch import Array


class Box(NamedTuple):
    """A rectangle in whole pixels, its top left corner first, as OpenCV writes it."""

    x: int
    y: int
    width: int
    height: int


def face_box(eyes: Array, mouth: Array) -> Box:
    """The box between forehead and chin, of aspect 7:8.

    It is 2.2 × s wide, s = max(eye distance, eyes to mouth / 1.1), with the eyes in the middle of its
    width and at 36% of its height: a convention of frontal cascades, kept when the head turns.

    Args:
        eyes: (2, 2) pupils' (x, y) in pixels.
        mouth: (2,) the mouth's middle in pixels.
    """
    middle = (eyes[0] + eyes[1]) / 2.0
    apart = float(((eyes[1] - eyes[0]) ** 2).sum() ** 0.5)
    down = float(((mouth - middle) ** 2).sum() ** 0.5)
    width = 2.2 * max(apart, down / 1.1)
    height = width * 8.0 / 7.0
    left, top = float(middle[0]) - width / 2.0, float(middle[1]) - 0.36 * height
    return Box(round(left), round(top), round(width), round(height))
