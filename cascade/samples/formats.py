"""The common annotation formats, a reader each; an error names the file, the line and the rule that it breaks."""

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path, PurePath
from typing import Any, NoReturn

import numpy as np

from cascade.boxes import face_box
from cascade.errors import DataError
from cascade.files import check_regular
from cascade.pictures import find_pictures, read_gray
from cascade.samples.image_annotations import ImageAnnotations, plain_entry

WIDER_FLAGS = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")
_NOT_LABELS = ("classes.txt", "train.txt", "val.txt", "test.txt", "README.txt")


class Lines:
    """A text file's lines with their numbers, less blank ones and comments."""

    def __init__(self, source: Path) -> None:
        self.source = source
        try:
            check_regular(source)
            text = source.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{source} is not a UTF-8 text file: {error.reason}") from error
        except OSError as error:
            raise DataError(f"cannot read {source}: {error.strerror}") from error
        stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
        self.content = [(number, line) for number, line in stripped if line and not line.startswith("#")]

    def fail(self, number: int, rule: str) -> NoReturn:
        """Raise the error of a line that breaks a rule."""
        raise DataError(f"{self.source}, line {number}: {rule}")


def finite_numbers(tokens: Sequence[str]) -> list[float] | None:
    """The numbers that the tokens spell; None when one of them is no number, or beyond any picture's size."""
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        return None
    return values if (np.abs(values) < 2**31).all() else None  # false for what is no number, too


def _count(token: str) -> int | None:
    """The count that a token spells, if it spells one."""
    return int(token) if token.isdecimal() and len(token) < 10 else None


def split_info(line: str) -> tuple[str, int, list[str]] | None:
    """`path count numbers` of OpenCV's list; the path may hold spaces, with or without tabs after it."""
    if "\t" in line:
        path, _, numbers = line.partition("\t")
        first, *values = numbers.split() or [""]
        return None if (count := _count(first)) is None else (path, count, values)
    tokens = line.split(" ")
    numbered = [(index, count) for index, token in enumerate(tokens) if index and (count := _count(token)) is not None]

    def split_at(index: int, count: int) -> tuple[str, int, list[str]]:
        return " ".join(tokens[:index]).rstrip(), count, " ".join(tokens[index + 1 :]).split()

    # the path ends before the first number that counts the boxes after it
    behind = list(accumulate((bool(token.split()) for token in reversed(tokens)), initial=0))
    for index, count in numbered:
        if behind[len(tokens) - index - 1] == 4 * count:
            split = split_at(index, count)
            if finite_numbers(split[2]) is not None:
                return split
    first_split = split_at(*numbered[0]) if numbered else None
    return first_split if first_split and PurePath(first_split[0]).suffix else None


def read_opencv(lines: Lines) -> list[ImageAnnotations]:
    """OpenCV's info list, what `opencv_createsamples -info` takes: `path count x y width height ...`."""
    entries = []
    for number, line in lines.content:
        split = split_info(line)
        if split is None:
            lines.fail(number, "expected `path<TAB>count<TAB>x y width height ...`")
        path, count, tokens = split
        values = finite_numbers(tokens)
        if values is None or len(values) != 4 * count:
            lines.fail(number, f"{count} boxes need {4 * count} numbers, found {len(tokens)}: {line[:80]!r}")
        boxes = np.reshape(values, (-1, 4))
        if (boxes[:, 2:] <= 0).any():
            lines.fail(number, f"a box's width and height must be above 0: {line[:80]!r}")
        entries.append(plain_entry(path, boxes))
    return entries


def read_mit_cmu(lines: Lines) -> list[ImageAnnotations]:
    """The landmark lists of the MIT+CMU frontal face test set: a line with the image and six points a face.

    The images come in the order of their first face; eyes and mouth become the canonical box.
    """
    faces: dict[str, list[Sequence[float]]] = {}
    for number, line in lines.content:
        tokens = line.split()
        values = finite_numbers(tokens[-12:])
        if len(tokens) < 13 or values is None:
            lines.fail(number, f"expected `image leye reye nose lmouth cmouth rmouth`, six points: {line[:80]!r}")
        left, right, _, _, mouth, _ = zip(values[::2], values[1::2], strict=True)
        box: Sequence[float] = face_box((left, right), mouth).tolist()
        if box[2] <= 0:
            lines.fail(number, f"eyes and mouth lie in one point: {line[:80]!r}")
        faces.setdefault(" ".join(tokens[:-12]), []).append(box)
    return [plain_entry(name, boxes) for name, boxes in faces.items()]


def read_wider(lines: Lines) -> list[ImageAnnotations]:
    """WIDER FACE's text: a line with the image, one with the number of its faces, one for each face.

    Faces without an extent, which it marks as invalid, are left out.
    """
    entries = []
    content = lines.content
    position = 0
    while position < len(content):
        number, name = content[position]
        count = _count(content[position + 1][1]) if position + 1 < len(content) else None
        if count is None:
            lines.fail(number, f"the image {name!r} must be followed by a line with the number of its faces")
        position += 2
        rows = []
        for number, line in content[position : position + count]:
            values = finite_numbers(line.split())
            if values is None or len(values) != 4 + len(WIDER_FLAGS):
                lines.fail(number, f"expected 10 numbers: x y width height {' '.join(WIDER_FLAGS)}")
            rows.append(values)
        if len(rows) < count:
            lines.fail(content[-1][0], f"the file ends before the {count} faces of {name!r}")
        position += count
        # WIDER writes a line of zeros after a count of 0
        if count == 0 and position < len(content) and set(content[position][1].split()) == {"0"}:
            position += 1
        table = np.reshape(np.array(rows, np.float64), (-1, 4 + len(WIDER_FLAGS)))
        table = table[(table[:, 2:4] > 0).all(axis=1)]
        flags = {flag: table[:, 4 + i].astype(np.int64) for i, flag in enumerate(WIDER_FLAGS)}
        entries.append(ImageAnnotations(Path(name), table[:, :4], np.zeros(len(table), np.bool_), flags))
    return entries


def read_yolo(source: Path, images: Path, category: str | int | None) -> list[ImageAnnotations]:
    """YOLO's labels: a text file an image, `class centre_x centre_y width height` as shares of the image.

    Every image below `images` comes with the boxes of the text file of its name below `source`, and without
    faces where there is none; a text file without an image is an error.
    """
    pictures = {image.relative_to(images).with_suffix(""): image for image in find_pictures(images, {".txt"})}
    labels = {
        label.relative_to(source).with_suffix(""): label
        for label in sorted(source.rglob("*.txt"))
        if label.name not in _NOT_LABELS
    }
    for stem, label in labels.items():
        if stem not in pictures:
            raise DataError(f"{label} has no image: there is none called {stem} in {images}")
    return [
        _yolo_entry(Lines(labels[stem]), image, category) if stem in labels else plain_entry(image, [])
        for stem, image in pictures.items()
    ]


def _yolo_entry(lines: Lines, image: Path, category: str | int | None) -> ImageAnnotations:
    rows = []
    for number, line in lines.content:
        values = finite_numbers(line.split())
        if values is None or len(values) not in (5, 6):  # the sixth is a confidence
            lines.fail(number, f"expected `class centre_x centre_y width height`: {line[:80]!r}")
        if not all(0 <= v <= 1 for v in values[1:5]) or values[3] == 0 or values[4] == 0:
            lines.fail(number, f"centre and size must be shares of the image from 0 to 1: {line[:80]!r}")
        if category is None or int(values[0]) == int(category):
            rows.append(values[1:5])
    if not rows:
        return plain_entry(image, [])
    height, width = read_gray(image).shape
    boxes = np.array(rows) * [width, height, width, height]
    boxes[:, :2] -= boxes[:, 2:] / 2
    return plain_entry(image, boxes)


def read_coco(source: Path, category: str | int | None) -> list[ImageAnnotations]:
    """COCO's JSON: every image with its boxes of one category; crowds are ignored faces."""
    try:
        check_regular(source)
        data = json.loads(source.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{source} is not a JSON file: {error}") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        raise DataError(f"{source}: COCO's file is an object with the lists `images` and `annotations`")
    wanted = _coco_category(source, data.get("categories") or [], category)
    try:
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"{source}: each of `images` needs `id` and `file_name`") from error
    faces: dict[Any, list[tuple[list[float], bool]]] = {key: [] for key in names}
    for index, item in enumerate(data["annotations"]):
        where = f"{source}, annotations[{index}]"
        try:
            image_id, bbox = item["image_id"], item["bbox"]
            known = image_id in names
        except (KeyError, TypeError) as error:
            raise DataError(f"{where}: needs `image_id` and `bbox`") from error
        if not known:
            raise DataError(f"{where}: no image has the id {image_id!r}")
        if wanted is not None and item.get("category_id") != wanted:
            continue
        values = finite_numbers([str(v) for v in bbox]) if isinstance(bbox, list) and len(bbox) == 4 else None
        if values is None or values[2] <= 0 or values[3] <= 0:
            raise DataError(f"{where}: bbox must be x, y, width, height, sides above 0, not {bbox}")
        faces[image_id].append((values, bool(item.get("iscrowd", 0))))
    return [
        ImageAnnotations(
            Path(name),
            np.array([box for box, _ in faces[key]], np.float64).reshape(-1, 4),
            np.array([crowd for _, crowd in faces[key]], np.bool_),
        )
        for key, name in names.items()
    ]


def _coco_category(source: Path, categories: list[dict[str, Any]], category: str | int | None) -> Any:
    """The id to keep; None keeps all."""
    if not isinstance(categories, list) or not all(isinstance(entry, dict) for entry in categories):
        raise DataError(f"{source}: `categories` is a list of objects with `id` and `name`")
    ids = {str(entry.get("name")): entry.get("id") for entry in categories}
    if category is None:
        if len(ids) <= 1:
            return None
        category = next((name for name in ids if name.lower() == "face"), None)
        if category is None:
            raise DataError(f"{source} has the categories {', '.join(ids)}; name the faces' with category=")
    if str(category) not in ids:
        raise DataError(f"{source} has no category {category!r}; it has {', '.join(ids) or 'none'}")
    return ids[str(category)]
