"""OpenCV's .vec files: gray samples of one size, as opencv_createsamples writes them.

Layout, little-endian: int32 number of samples, int32 pixels per sample, two int16 zeros; then for each sample
a zero byte and its pixels as int16, row by row. Width and height are not in the file, only their product is.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascade.errors import DataError
from cascade.files import whole
from cascade.pictures import Image

_MOST_PIXELS = 2**20  # of a sample
_HEADER = np.dtype([("count", "<i4"), ("pixels", "<i4"), ("min", "<i2"), ("max", "<i2")])


@dataclass(frozen=True)
class VecHeader:
    """What a .vec file says of itself: the number of samples, and of pixels in each, width × height."""

    count: int
    pixels: int


def read_vec_header(path: Path) -> VecHeader:
    """Read a .vec file's header, checked against the file's size.

    Raises:
        DataError: the file is missing, no .vec file, or cut short.
    """
    try:
        with path.open("rb") as handle:
            raw = handle.read(_HEADER.itemsize)
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"Cannot read the .vec file {path}: {error.strerror}") from error
    if len(raw) < _HEADER.itemsize:
        raise DataError(f"{path} is no .vec file: it has {size} bytes, its header alone should have 12")
    head = np.frombuffer(raw, _HEADER)[0]
    header = VecHeader(int(head["count"]), int(head["pixels"]))
    if header.count < 0 or not 0 < header.pixels <= _MOST_PIXELS:
        raise DataError(f"{path} is no .vec file: its header says {header.count} samples of {header.pixels} pixels")
    whole, rest = divmod(size - _HEADER.itemsize, _sample_type(header.pixels).itemsize)
    if whole < header.count or rest:
        raise DataError(
            f"{path} is damaged: its header says {header.count} samples of {header.pixels} pixels, but the "
            f"file's {size} bytes hold {whole}{' and a part' if rest else ''}. Make it anew."
        )
    return header


def read_vec(path: Path, width: int, height: int) -> Image:
    """Read all samples of a .vec file, (N, height, width) uint8; the file itself does not tell width and height.

    Raises:
        DataError: the file is missing or damaged, or its samples have another size.
    """
    header = read_vec_header(path)
    if header.pixels != width * height:
        sizes = ", ".join(f"{w}×{h}" for w, h in possible_windows(header.pixels))
        raise DataError(
            f"The samples of {path} have {header.pixels} pixels, which is not {width}×{height}; "
            f"possible sizes: {sizes or 'none'}"
        )
    records = np.fromfile(path, _sample_type(header.pixels), count=header.count, offset=_HEADER.itemsize)
    values = records["values"]
    if values.size and (values.min() < 0 or values.max() > 255):
        raise DataError(f"{path} is damaged: it has gray values outside 0..255")
    return values.astype(np.uint8).reshape(-1, height, width)


def write_vec(path: Path, samples: Image) -> None:
    """Write samples, (N, height, width) uint8, as a .vec file, which is replaced when it exists.

    Raises:
        DataError: the samples are not of that shape and type.
    """
    if samples.ndim != 3 or samples.dtype != np.uint8 or 0 in samples.shape[1:]:
        raise DataError(f"Samples must be uint8 of shape (N, height, width), not {samples.dtype} {samples.shape}")
    pixels = samples.shape[1] * samples.shape[2]
    records = np.zeros(len(samples), _sample_type(pixels))
    records["values"] = samples.reshape(len(samples), pixels)
    with whole(path) as part, part.open("wb") as handle:
        handle.write(np.array([(len(samples), pixels, 0, 0)], _HEADER).tobytes())
        handle.write(records.tobytes())


def possible_windows(pixels: int) -> list[tuple[int, int]]:
    """The (width, height) with that many pixels: sides of 8 or more, aspect of 3 or less."""
    sides = [side for side in range(8, pixels // 8 + 1) if pixels % side == 0]
    return [(side, pixels // side) for side in sides if max(side, pixels // side) <= 3 * min(side, pixels // side)]


def _sample_type(pixels: int) -> np.dtype[np.void]:
    return np.dtype([("mark", "u1"), ("values", "<i2", (pixels,))])
