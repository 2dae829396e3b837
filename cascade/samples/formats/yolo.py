"""YOLO's labels: a text file an image, `class centre_x centre_y width height` as shares of the image."""

from pathlib import Path

import cv2
import numpy as np

from cascade.errors import DataError
from cascade.samples.formats.lines import Lines, finite_numbers
from cascade.samples.image_annotations import ImageAnnotations, plain_entry

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
_NOT_LABELS = ("classes.txt", "train.txt", "val.txt", "test.txt", "README.txt")


def read_yolo(source: Path, images: Path, category: str | int | None) -> list[ImageAnnotations]:
    """Every image below `images` with the boxes of the text file of its name below `source`.

    An image without a text file has no faces; a text file without an image is an error.
    """
    pictures = {
        image.relative_to(images).with_suffix(""): image
        for image in sorted(images.rglob("*"))
        if image.suffix.lower() in SUFFIXES
    }
    labels = {
        label.relative_to(source).with_suffix(""): label
        for label in sorted(source.rglob("*.txt"))
        if label.name not in _NOT_LABELS
    }
    for stem, label in labels.items():
        if stem not in pictures:
            raise DataError(f"{label} has no image: there is none called {stem} in {images}")
    return [
        _entry(Lines(labels[stem]), image, category) if stem in labels else plain_entry(image, [])
        for stem, image in pictures.items()
    ]


def _entry(lines: Lines, image: Path, category: str | int | None) -> ImageAnnotations:
    rows = []
    for number, line in lines.content:
        tokens = line.split()
        values = finite_numbers(tokens)
        if values is None or len(values) not in (5, 6):  # the sixth is a confidence
            lines.fail(number, f"expected `class centre_x centre_y width height`: {line[:80]!r}")
        if not all(0 <= v <= 1 for v in values[1:5]) or values[3] == 0 or values[4] == 0:
            lines.fail(number, f"centre and size must be shares of the image from 0 to 1: {line[:80]!r}")
        if category is None or int(values[0]) == int(category):
            rows.append(values[1:5])
    if not rows:
        return plain_entry(image, [])
    pixels = cv2.imread(str(image))
    if pixels is None:
        raise DataError(f"{image} is not an image that OpenCV can read")
    height, width = pixels.shape[:2]
    centres = np.asarray(rows) * [width, height, width, height]
    centres[:, :2] -= centres[:, 2:] / 2
    return plain_entry(image, centres.tolist())
