"""COCO's JSON: lists of images, annotations and categories."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cascade.errors import DataError
from cascade.samples.formats.lines import finite_numbers
from cascade.samples.image_annotations import ImageAnnotations


def read_coco(source: Path, category: str | int | None) -> list[ImageAnnotations]:
    """Every image of the file with its boxes of one category; crowds are ignored faces."""
    try:
        data = json.loads(source.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{source} is not a JSON file: {error}") from error
    lists = [data.get(key) for key in ("images", "annotations")] if isinstance(data, dict) else [None]
    if not all(isinstance(value, list) for value in lists):
        raise DataError(f"{source}: COCO's file is an object with the lists `images` and `annotations`")
    wanted = _coco_category(source, data.get("categories") or [], category)
    try:
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"{source}: each of `images` needs `id` and `file_name`") from error
    boxes: dict[Any, list[list[float]]] = {key: [] for key in names}
    crowds: dict[Any, list[bool]] = {key: [] for key in names}
    for index, item in enumerate(data["annotations"]):
        where = f"{source}, annotations[{index}]"
        try:
            image_id, bbox = item["image_id"], item["bbox"]
        except (KeyError, TypeError) as error:
            raise DataError(f"{where}: needs `image_id` and `bbox`") from error
        if image_id not in names:
            raise DataError(f"{where}: no image has the id {image_id!r}")
        if wanted is not None and item.get("category_id") != wanted:
            continue
        values = finite_numbers([str(v) for v in bbox]) if isinstance(bbox, list) and len(bbox) == 4 else None
        if values is None or values[2] <= 0 or values[3] <= 0:
            raise DataError(f"{where}: bbox must be x, y, width, height, sides above 0, not {bbox}")
        boxes[image_id].append(values)
        crowds[image_id].append(bool(item.get("iscrowd", 0)))
    return [
        ImageAnnotations(
            Path(name), np.asarray(boxes[key], np.float64).reshape(-1, 4), np.asarray(crowds[key], np.bool_)
        )
        for key, name in names.items()
    ]


def _coco_category(source: Path, categories: list[dict[str, Any]], category: str | int | None) -> Any:
    """The id to keep; None keeps all."""
    names = {str(c.get("name")): c.get("id") for c in categories}
    if category is None:
        if len(names) <= 1:
            return None
        face = [name for name in names if name.lower() == "face"]
        if face:
            return names[face[0]]
        raise DataError(f"{source} has the categories {', '.join(names)}; name the faces' with category=")
    if str(category) not in names:
        raise DataError(f"{source} has no category {category!r}; it has {', '.join(names) or 'none'}")
    return names[str(category)]
