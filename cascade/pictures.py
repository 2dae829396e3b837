"""Pictures: finding them in folders, reading, checking, converting and writing them. One list of endings for all."""

import logging
import os
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from cascade.errors import DataError, ImageError, OutputError
from cascade.files import check_regular, write_whole
from cascade.text import printable

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]
"""A picture as OpenCV holds it: uint8, BGR (H, W, 3) or gray (H, W)."""

_COMMON = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_RARE = (".dib", ".jp2", ".jpe", ".pbm", ".pgm", ".pnm", ".ppm")
SUFFIXES = frozenset((*_COMMON, *_RARE))
"""Endings of picture files, lower case: what every folder of this project is searched for."""

WRITABLE = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp"))
"""Endings, lower case, of the kinds that are written."""
# How a whole file of this kind ends, somewhere after its header; OpenCV decodes a cut one without a word
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"
_STDERR = 2
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


def for_opencv(path: str | Path) -> Any:
    """A path as OpenCV takes it: a name that is no UTF-8 ends the process in a `str`, and not as bytes."""
    return os.fsencode(path)


def silence_opencv() -> None:
    """Keep OpenCV and its FFmpeg from writing to the terminal: every failure that they log is an error of ours."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def is_hidden(path: Path) -> bool:
    """True for a relative path with a part that starts with a dot."""
    return any(part.startswith(".") for part in path.parts)


def find_pictures(folder: Path, beside: Collection[str] = ()) -> list[Path]:
    """All picture files of a folder and its subfolders, sorted by path; hidden ones are left out.

    Args:
        folder: the folder.
        beside: endings of files that are no pictures and belong there; others are counted in the log.

    Raises:
        DataError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder.absolute()}")
    files = [path for path in sorted(folder.rglob("*")) if not is_hidden(path.relative_to(folder)) and path.is_file()]
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    others = kinds(path for path in files if path.suffix.lower() not in {*SUFFIXES, *beside})
    if not found:
        there = f"it holds {others}; " if others else ""
        wanted = " ".join(sorted(SUFFIXES))
        raise DataError(f"there are no pictures in {folder.absolute()} ({there}looked for {wanted})")
    if others:
        log.warning("left out of %s, as no pictures: %s", printable(str(folder)), printable(others))
    return found


def kinds(files: Iterable[Path]) -> str:
    """How many files have which ending, as `3 of .heic, 1 of no ending`."""
    counts = Counter(file.suffix.lower() or "no ending" for file in files)
    return ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items()))


def read_picture(path: str | Path, flags: int = cv2.IMREAD_COLOR) -> Image:
    """Read a picture as uint8 BGR (H, W, 3), upright as its EXIF orientation says.

    16-bit pictures keep their upper 8 bits, transparency is dropped, gray and CMYK become BGR; of an animation
    it is the first frame.

    Args:
        path: the file.
        flags: OpenCV's; `cv2.IMREAD_GRAYSCALE` gives (H, W).

    Raises:
        ImageError: missing, unreadable, or cut off in the middle.
    """
    path = Path(path)
    try:
        check_regular(path)
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no name of a file
        raise ImageError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not data:
        raise ImageError(f"{path} is empty")
    if _is_cut(data):
        raise ImageError(f"{path} is cut off: the end of the picture is missing")
    try:
        image, said = _decoded(data, flags)
    except (cv2.error, MemoryError) as error:
        raise ImageError(f"{path} cannot be decoded: {getattr(error, 'err', 'it does not fit into memory')}") from error
    if image is None:
        raise ImageError(f"{path} is not a picture that OpenCV can read, or is damaged")
    if damage := next((line for line in said if _is_damage(line, len(data))), None):
        raise ImageError(f"{path} is damaged: {damage}")
    return np.asarray(image, np.uint8)


def read_gray(path: str | Path) -> Image:
    """Read a picture in gray, (H, W) uint8; see `read_picture`."""
    return read_picture(path, cv2.IMREAD_GRAYSCALE)


def check_image(image: Any) -> Image:
    """Return an array as a contiguous picture, gray (H, W) or BGR (H, W, 3).

    Args:
        image: uint8 array of shape (H, W), (H, W, 1) or (H, W, 3); any strides.

    Raises:
        ImageError: not an array, not uint8, empty, or of another shape.
    """
    if not isinstance(image, np.ndarray):
        hint = "; cv2.imread gives None for a file it cannot read" if image is None else ""
        raise ImageError(f"expected an image as a NumPy array, got {type(image).__name__}{hint}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ImageError(
            f"expected an image of shape (H, W), (H, W, 1) or (H, W, 3) in BGR order, got {image.shape}; "
            "drop an alpha channel with image[..., :3], pass the images of a batch one by one"
        )
    if image.size == 0:
        raise ImageError(f"the image is empty: shape {image.shape}")
    if image.dtype != np.uint8:
        fixes = {"f": "scale it to 0..255 and convert with .astype(np.uint8)", "u": "divide 16 bit by 257"}
        advice = fixes.get(image.dtype.kind, "convert it with .astype(np.uint8)")
        raise ImageError(f"expected an image of dtype uint8, got {image.dtype}; {advice}")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    return np.ascontiguousarray(image)


def to_gray(image: Any) -> Image:
    """Check an image and return it in gray, (H, W) uint8, contiguous; raises as `check_image`."""
    checked = check_image(image)
    return checked if checked.ndim == 2 else np.asarray(cv2.cvtColor(checked, cv2.COLOR_BGR2GRAY), np.uint8)


def to_colour(image: Image) -> Image:
    """A BGR copy (H, W, 3) of a gray or BGR picture, free to be drawn into."""
    return np.array(image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def save_picture(path: Path, image: Image) -> Path:
    """Write a picture, whole or not at all, and return its path; a kind that is not written becomes NAME.png.

    Raises:
        OutputError: it cannot be encoded or written.
    """
    if path.suffix.lower() not in WRITABLE:
        path = path.with_name(f"{path.name}.png")
    try:
        good, data = cv2.imencode(path.suffix.lower(), image)
    except cv2.error as error:
        raise OutputError(f"{path} cannot be encoded: {error.err}") from error
    if not good:
        raise OutputError(f"{path} cannot be encoded")
    write_whole(path, data.tobytes())
    return path


_decoding = threading.Lock()
_JPEG_WARNING = re.compile(r"Corrupt JPEG data: (.+)")
_HARMLESS = 0.01  # share of a file's bytes that may be superfluous: some cameras write a few


def _decoded(data: bytes, flags: int) -> tuple[Image | None, list[str]]:
    """A picture, and what libjpeg says of damage: it says so on the process's standard error alone."""
    if not data.startswith(_JPEG_START):
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags), []  # type: ignore[return-value]
    with _decoding, tempfile.TemporaryFile() as told:
        try:
            real = os.dup(_STDERR)
        except OSError:  # closed
            return cv2.imdecode(np.frombuffer(data, np.uint8), flags), []  # type: ignore[return-value]
        try:
            os.dup2(told.fileno(), _STDERR)
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        finally:
            os.dup2(real, _STDERR)
            os.close(real)
        told.seek(0)
        lines = told.read().decode(errors="replace").splitlines()
    found = [_JPEG_WARNING.fullmatch(line) for line in lines]
    for line in (line for line, match in zip(lines, found, strict=True) if not match):  # another thread's
        print(line, file=sys.stderr, flush=True)
    return cast(Image | None, image), [match[1] for match in found if match]


def _is_damage(warning: str, size: int) -> bool:
    superfluous = re.match(r"(\d+) extraneous bytes", warning)
    return superfluous is None or int(superfluous[1]) > _HARMLESS * size


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
