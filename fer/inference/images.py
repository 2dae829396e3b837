"""Reading pictures from disk, whatever their depth and colour, and noticing the broken ones."""

from pathlib import Path

import cv2
import numpy as np

from fer.errors import DataError
from fer.inference.faces import Image

#: Endings that a folder is searched for.
PICTURE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".bmp",
        ".dib",
        ".webp",
        ".tif",
        ".tiff",
        ".pgm",
        ".ppm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".gif",
        ".avif",
    ]
)
#: How a whole file of this kind ends, somewhere after its header; OpenCV decodes a cut one without a word.
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


class PictureError(DataError):
    """A picture cannot be read; the message names it and what is wrong."""


def read_picture(path: str | Path) -> Image:
    """Read a picture as uint8 BGR (H, W, 3), upright as its EXIF orientation says.

    16-bit pictures keep their upper 8 bits, transparency is dropped, gray and CMYK become BGR; of an
    animation it is the first frame.

    Raises:
        PictureError: missing, unreadable, or cut off in the middle.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from error
    if not data:
        raise PictureError(f"{path} is empty")
    if _is_cut(data):
        raise PictureError(f"{path} is cut off: the end of the picture is missing")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError(f"{path} cannot be decoded: {error.err}") from error
    if image is None:
        raise PictureError(f"{path} is not a picture that OpenCV can read, or is damaged")
    return np.asarray(image, np.uint8)


def check_picture(image: Image) -> Image:
    """Return an array as a picture, gray (H, W) or BGR (H, W, 3).

    Raises:
        PictureError: not uint8, empty, or of another shape.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise PictureError(f"a picture must be a NumPy array of dtype uint8, or a path, not {kind}")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise PictureError(f"a picture must be gray (H, W) or BGR (H, W, 3), not of shape {image.shape}")
    return image


def _is_cut(data: bytes) -> bool:
    if data.startswith(_JPEG_START):
        scan = _jpeg_scan(data)
        return scan is None or data.find(_JPEG_END, scan) < 0
    return data.startswith(_PNG_START) and data.find(_PNG_END) < 0


def _jpeg_scan(data: bytes) -> int | None:
    """Where the coded pixels of a JPEG begin; None where its header is cut.

    The segments before are skipped by their lengths, because a thumbnail in them has an end of its own.
    """
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return at  # no marker where one must be: leave the verdict to the decoder
        marker = data[at + 1]
        if marker == _JPEG_SCAN:
            return at
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2  # filling, and markers without a length
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
