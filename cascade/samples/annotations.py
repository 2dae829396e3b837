"""Where the faces are: reading the common annotation formats into one shape."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from cascade.errors import ConfigError, DataError
from cascade.pictures import SUFFIXES
from cascade.samples import formats
from cascade.samples.image_annotations import ImageAnnotations

_LINE_READERS: dict[str, Callable[[formats.Lines], list[ImageAnnotations]]] = {
    "opencv": formats.read_opencv,
    "wider": formats.read_wider,
    "mit_cmu": formats.read_mit_cmu,
}
FORMATS = (*_LINE_READERS, "yolo", "coco")


def read_annotations(
    path: str | Path, images: str | Path | None = None, format: str | None = None, category: str | int | None = None
) -> list[ImageAnnotations]:
    """Read where the faces are in a set of images.

    Args:
        path: the annotation file; for YOLO the folder of its text files.
        images: the folder that the image paths in it start from. None: the annotation file's own folder, or
            the folder `images` beside it, whichever holds the first image.
        format: `opencv` (OpenCV's info list), `wider` (WIDER FACE's text), `yolo`, `coco`, or `mit_cmu`
            (landmark lists). None looks at the file.
        category: COCO's category name, or YOLO's class number, of the faces. None takes all boxes, and in a
            COCO file of several categories the one called face.

    Returns:
        One entry an image, in the file's order. Images need not exist, except for YOLO's, whose boxes are
        shares of the image's size.

    Raises:
        ConfigError: there is no format of that name.
        DataError: a missing file or an entry that breaks the format: file, line and rule are named.
    """
    source = Path(path).expanduser()
    if not source.exists():
        raise DataError(f"there is no annotation file at {source}")
    root = None if images is None else Path(images).expanduser()
    if root is not None and not root.is_dir():
        raise DataError(f"there is no image folder at {root}")
    name = format or detect_format(source)
    if name not in FORMATS:
        raise ConfigError(f"unknown annotation format {name!r}; known are {', '.join(FORMATS)}")
    if name == "yolo":
        beside = source.parent / "images"  # the usual layout is images/ and labels/ side by side
        return formats.read_yolo(source, root or (beside if beside.is_dir() else source), category)
    if source.is_dir():
        raise DataError(f"{source} is a folder; the format {name} is one file")
    if name == "coco":
        return _rooted(formats.read_coco(source, category), source, root)
    return _rooted(_LINE_READERS[name](formats.Lines(source)), source, root)


def detect_format(path: str | Path) -> str:
    """Which format an annotation file, or YOLO's folder, is in: one of `FORMATS`.

    Raises:
        DataError: none of them.
    """
    source = Path(path)
    if source.is_dir():
        if any(source.rglob("*.txt")):
            return "yolo"
        raise DataError(f"{source} is a folder without .txt files; YOLO's labels are one .txt an image")
    if source.suffix.lower() == ".json":
        return "coco"
    lines = formats.Lines(source).content
    if not lines:
        raise DataError(f"{source} is empty")
    first = lines[0][1]
    tokens = first.split()
    if len(tokens) == 13 and formats.finite_numbers(tokens[1:]) is not None:
        return "mit_cmu"
    if formats.split_info(first) is not None:
        return "opencv"
    if PurePath(first).suffix.lower() in SUFFIXES and len(lines) > 1 and lines[1][1].isdigit():
        return "wider"
    raise DataError(
        f"{source}, line {lines[0][0]}: {first[:60]!r} begins none of the known formats "
        f"({', '.join(FORMATS)}); say which one it is with format="
    )


def _rooted(entries: Sequence[ImageAnnotations], source: Path, images: Path | None) -> list[ImageAnnotations]:
    """The entries with their paths made whole: below `images`, or below where the first one is found."""
    if not entries:
        raise DataError(f"{source} names no images")
    roots = [images] if images is not None else [source.parent, source.parent / "images"]
    root = next((root for root in roots if _existing(root / entries[0].path).is_file()), roots[0])
    return [replace(entry, path=_existing(root / entry.path)) for entry in entries]


def _existing(path: Path) -> Path:
    """The file, or the one of the same name in another image format: old sets are often converted."""
    candidates = (path, *(path.with_suffix(suffix) for suffix in sorted(SUFFIXES)))
    return next((candidate for candidate in candidates if candidate.is_file()), path)
