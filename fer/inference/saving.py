"""The pictures that a run leaves: annotated ones and crops."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cascade.errors import OutputError
from fer.crop import Crop, crop_square
from fer.inference.drawing import annotate
from fer.inference.faces import Face, Image
from fer.inference.results import write_whole

#: Endings in which annotated pictures are written as they came; others become .png.
_WRITABLE = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp"))


def save_picture(path: Path, image: Image) -> Path:
    """Write a picture; one of a kind that is not written becomes NAME.png.

    Raises:
        OutputError: it cannot be encoded or written.
    """
    if path.suffix.lower() not in _WRITABLE:
        path = path.with_name(f"{path.name}.png")
    try:
        good, data = cv2.imencode(path.suffix.lower(), image)
    except cv2.error as error:
        raise OutputError(f"{path} cannot be encoded: {error.err}") from error
    if not good:
        raise OutputError(f"{path} cannot be encoded")
    write_whole(path, data.tobytes())
    return path


def save_annotated(folder: Path, name: str, image: Image, faces: Sequence[Face]) -> Path:
    """Write a picture with its faces drawn in as `annotated/NAME`."""
    return save_picture(folder / "annotated" / name, annotate(image, faces))


def save_crops(folder: Path, name: str, image: Image, faces: Sequence[Face], crop: Crop) -> None:
    """Write every face, framed as the network saw it but in full size and colour, into `crops/`."""
    squares = crop.squares(np.array([face.box for face in faces], np.float32).reshape(-1, 4))
    for number, (face, (left, top, side)) in enumerate(zip(faces, squares, strict=True)):
        place = f"f{face.frame:06d}_t{face.track_id}" if face.track_id is not None else f"{number}"
        target = folder / "crops" / f"{name}_{place}_{face.label}.png"
        save_picture(target, crop_square(image, int(left), int(top), int(side)))
