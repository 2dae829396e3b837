"""Where the faces are: reading the common annotation formats into one shape."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from cascade.errors import ConfigError, DataError
from cascade.files import is_file
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


def read_objects(pictures: Path, ignore: Path | None = None) -> list[ImageAnnotations]:
    """Read the positives' pictures of a prepared folder: what is in them, and what is neither that nor a negative.

    Args:
        pictures: their list with boxes, `positives.dat`.
        ignore: the list of the regions to ignore, `ignore.dat`. None: there are none.

    Returns:
        One entry a picture, in the list's order, its path absolute. Regions are boxes with `ignore` set; they may
        reach outside their picture, and overlap its other boxes.

    Raises:
        DataError: a list that is missing or malformed, or a picture that is not there: file, line and rule are named.
    """
    objects = _read_existing(pictures)
    return objects if ignore is None else add_regions(objects, _read_existing(ignore), ignore)


def add_regions(
    entries: Sequence[ImageAnnotations], regions: Sequence[ImageAnnotations], source: str | Path
) -> list[ImageAnnotations]:
    """The entries with the boxes that a second list has of the same pictures as further, ignored boxes.

    Regions of pictures that have no entry are of no use, and left out.

    Raises:
        DataError: all of them are; `source` is the file that is named.
    """
    found: dict[Path, list[ImageAnnotations]] = {}
    for entry in regions:
        found.setdefault(entry.path.absolute(), []).append(entry)
    if not any(entry.path.absolute() in found for entry in entries):
        raise DataError(f"{source}: none of its pictures is among those with boxes, such as {entries[0].path}")
    return [_with_ignored(entry, found.get(entry.path.absolute(), [])) for entry in entries]


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
    root = next((root for root in roots if is_file(_existing(root / entries[0].path))), roots[0])
    return [replace(entry, path=_existing(root / entry.path)) for entry in entries]


def _read_existing(source: Path) -> list[ImageAnnotations]:
    """The entries of an info list whose pictures lie where it says."""
    lines = formats.Lines(source)
    folder = source.absolute().parent
    entries = [replace(entry, path=folder / entry.path) for entry in formats.read_opencv(lines)]
    if not entries:
        raise DataError(f"{source} names no images")
    for (number, _), entry in zip(lines.content, entries, strict=True):
        if not is_file(entry.path):
            lines.fail(number, f"there is no picture {entry.path}")
    return entries


def _with_ignored(entry: ImageAnnotations, regions: Sequence[ImageAnnotations]) -> ImageAnnotations:
    boxes = np.concatenate([entry.boxes, *(region.boxes for region in regions)])
    more = len(boxes) - len(entry)
    flags = {name: np.pad(values, (0, more)) for name, values in entry.flags.items()}
    return replace(entry, boxes=boxes, ignore=np.pad(entry.ignore, (0, more), constant_values=True), flags=flags)


def _existing(path: Path) -> Path:
    """The file, or the one of the same name in another image format: old sets are often converted."""
    candidates = (path, *(path.with_suffix(suffix) for suffix in sorted(SUFFIXES)))
    return next((candidate for candidate in candidates if is_file(candidate)), path)
