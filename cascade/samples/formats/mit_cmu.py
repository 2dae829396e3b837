"""The landmark lists of the MIT+CMU frontal face test set: a line with the image and six points a face."""

from collections.abc import Sequence

import numpy as np

from cascade.samples.formats.lines import Lines, finite_numbers
from cascade.samples.image_annotations import ImageAnnotations, plain_entry


def face_box(eyes: Sequence[tuple[float, float]], mouth: tuple[float, float]) -> tuple[float, ...]:
    """The box of a face from its two eyes and the middle of its mouth: `x, y, width, height`.

    It is 2.2 s wide, s being the larger of the eyes' distance and 1/1.1 of the way from the eyes to the
    mouth, of aspect 7:8, centred on the eyes, which lie at 36% of its height.
    """
    (left_x, left_y), (right_x, right_y) = eyes
    centre_x, centre_y = (left_x + right_x) / 2, (left_y + right_y) / 2
    distance = float(np.hypot(right_x - left_x, right_y - left_y))
    to_mouth = float(np.hypot(mouth[0] - centre_x, mouth[1] - centre_y))
    width = 2.2 * max(distance, to_mouth / 1.1)
    height = width * 8 / 7
    return (centre_x - width / 2, centre_y - 0.36 * height, width, height)


def read_mit_cmu(lines: Lines) -> list[ImageAnnotations]:
    """The images in the order of their first face; the six points of a face become `face_box`."""
    faces: dict[str, list[tuple[float, ...]]] = {}
    for number, line in lines.content:
        tokens = line.split()
        values = finite_numbers(tokens[-12:])
        if len(tokens) < 13 or values is None:
            lines.fail(number, f"expected `image leye reye nose lmouth cmouth rmouth`, six points: {line[:80]!r}")
        left, right, _, _, mouth, _ = zip(values[::2], values[1::2], strict=True)
        box = face_box((left, right), mouth)
        if box[2] <= 0:
            lines.fail(number, f"eyes and mouth lie in one point: {line[:80]!r}")
        faces.setdefault(" ".join(tokens[:-12]), []).append(box)
    return [plain_entry(name, boxes) for name, boxes in faces.items()]
