"""Reading pictures from files, and finding them in folders."""

from pathlib import Path

import cv2
import numpy as np

from cascade.detector import Image
from cascade.errors import ImageError, SampleError

SUFFIXES = frozenset(
    {".bmp", ".dib", ".jpeg", ".jpg", ".jpe", ".jp2", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
"""File endings that count as pictures, lower case."""

# The formats whose decoders are in every build of OpenCV's binaries, by their first bytes.
_BINARY_FORMATS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"BM": ".bmp", b"P": ".ppm"}


def find_pictures(folder: Path) -> list[Path]:
    """All picture files of a folder and its subfolders, sorted by path; hidden files are left out.

    Raises:
        SampleError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise SampleError(f"There is no folder {folder}")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise SampleError(f"There are no pictures in {folder} (looked for {' '.join(sorted(SUFFIXES))})")
    return found


def read_gray(path: Path) -> Image:
    """Read a picture in gray.

    Returns:
        Shape (H, W), uint8; a rotation noted in the file is applied, as OpenCV's binaries do.

    Raises:
        ImageError: it is missing or cannot be decoded.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ImageError(f"Cannot read the picture {path}: {error.strerror}") from error
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise ImageError(f"Cannot decode the picture {path}: damaged, or no picture at all")
    return np.asarray(image, np.uint8)


def binary_suffix(path: Path) -> str | None:
    """The ending for a picture that OpenCV's binaries can read, after its content; None when they cannot.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as handle:
        head = handle.read(4)
    if head[:1] == b"P" and head[1:2] not in (b"1", b"2", b"3", b"4", b"5", b"6"):
        return None
    return next((suffix for magic, suffix in _BINARY_FORMATS.items() if head.startswith(magic)), None)
