"""The lists that OpenCV's binaries read: negatives (`bg.txt`), positives with boxes (`positives.dat`)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cascade.boxes import Box
from cascade.errors import DataError

# The formats whose decoders are in every build of OpenCV's binaries, by their first bytes.
_BINARY_FORMATS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"BM": ".bmp"}
_BINARY_FORMATS |= dict.fromkeys((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), ".ppm")


def binary_suffix(path: Path) -> str | None:
    """The ending for a picture that OpenCV's binaries can read, after its content; None when they cannot.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as handle:
        head = handle.read(4)
    return next((suffix for magic, suffix in _BINARY_FORMATS.items() if head.startswith(magic)), None)


def read_background(path: Path) -> list[Path]:
    """Read a list of negatives, one picture per line; empty lines and comments (`#`) are skipped.

    The binary itself stops at the first empty line, and looks for relative paths in the working directory.
    Here they count from the list's own folder, as in `positives.dat`; a path that exists only from the
    working directory is taken from there. The paths are absolute; whether the pictures exist is not checked.

    Raises:
        DataError: the list cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError as error:
        raise DataError(f"Cannot read the list {path}: {error.strerror}") from error
    folder = path.absolute().parent
    names = [name for line in lines if (name := line.strip()) and not name.startswith("#")]
    return [
        Path(name).absolute() if not (folder / name).exists() and Path(name).exists() else folder / name
        for name in names
    ]


def write_background(path: Path, pictures: Iterable[Path | str]) -> None:
    """Write a list of negatives, one per line."""
    path.write_text("".join(f"{picture}\n" for picture in pictures), encoding="utf-8", errors="surrogateescape")


def write_positives(path: Path, entries: Iterable[tuple[str, Sequence[Box]]]) -> None:
    """Write positives with their boxes in OpenCV's info format: `path<TAB>count<TAB>x y w h …`.

    Args:
        path: the list.
        entries: for each picture its path relative to the list's folder, without white space, and its boxes.

    Raises:
        DataError: a path that opencv_createsamples would misread.
    """
    lines = []
    for name, boxes in entries:
        if any(character.isspace() for character in name) or Path(name).is_absolute():
            raise DataError(f"opencv_createsamples cannot read {name!r}: paths must be relative and without spaces")
        lines.append(f"{name}\t{len(boxes)}\t{' '.join(' '.join(str(value) for value in box) for box in boxes)}\n")
    path.write_text("".join(lines), encoding="utf-8")
