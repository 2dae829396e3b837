"""WIDER FACE's text: a line with the image, one with the number of its faces, one for each face."""

from pathlib import Path

import numpy as np

from cascade.samples.formats.lines import Lines, finite_numbers
from cascade.samples.image_annotations import ImageAnnotations

WIDER_FLAGS = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")


def read_wider(lines: Lines) -> list[ImageAnnotations]:
    """All images with all faces that have an extent, and their flags."""
    entries = []
    content = lines.content
    position = 0
    while position < len(content):
        number, name = content[position]
        if position + 1 >= len(content) or not content[position + 1][1].isdigit():
            lines.fail(number, f"the image {name!r} must be followed by a line with the number of its faces")
        count = int(content[position + 1][1])
        position += 2
        rows: list[list[float]] = []
        for _ in range(count):
            if position >= len(content):
                lines.fail(content[-1][0], f"the file ends before the {count} faces of {name!r}")
            number, line = content[position]
            values = finite_numbers(line.split())
            if values is None or len(values) != 4 + len(WIDER_FLAGS):
                lines.fail(number, f"expected 10 numbers: x y width height {' '.join(WIDER_FLAGS)}")
            rows.append(values)
            position += 1
        # WIDER writes a line of zeros after a count of 0
        if count == 0 and position < len(content) and set(content[position][1].split()) == {"0"}:
            position += 1
        table = np.asarray(rows, np.float64).reshape(-1, 4 + len(WIDER_FLAGS))
        table = table[(table[:, 2:4] > 0).all(axis=1)]  # some invalid faces have no extent
        flags = {name: table[:, 4 + i].astype(np.int64) for i, name in enumerate(WIDER_FLAGS)}
        entries.append(ImageAnnotations(Path(name), table[:, :4], np.zeros(len(table), np.bool_), flags))
    return entries
