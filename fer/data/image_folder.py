"""`data=image_folder`: pictures sorted into folders by split and class."""

import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from cascade.errors import DataError
from fer.data.faces import Split
from fer.data.named_faces import NamedFaces
from fer.data.split import stratified_split
from fer.labels import EXPRESSIONS
from fer.preprocessing import resize_face

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
SPLITS: tuple[Split, ...] = ("train", "val", "test")
_MAY_HAVE_ALPHA = {".png", ".webp", ".tif", ".tiff"}
_NAMED_IN_ERRORS = 5
_log = logging.getLogger(__name__)


class _File(NamedTuple):
    split: Split
    label: int
    path: Path


@dataclass(frozen=True)
class ImageFolder:
    """Pictures of faces under `train|val|test/<class>/`, of any size, colour and depth.

    A folder that holds the classes themselves is all train. Where there is no val, it is drawn from train
    by class. The draw knows nothing of persons: where a folder holds several pictures of one person, such
    as CK+, give a val split of other persons.

    Attributes:
        path: the folder.
        classes: folder name → canonical name, or None to leave that folder out. Case does not count.
        val_share: share of train that becomes val where there is none.
        split_seed: of that draw.
        skip_unreadable: leave unreadable images out with a warning instead of refusing the folder.
        image_size: side of the delivered faces in pixels.
    """

    path: str | Path
    classes: Mapping[str, str | None]
    val_share: float = 0.1
    split_seed: int = 0
    skip_unreadable: bool = False
    image_size: int = 48
    detail: ClassVar[int | None] = None

    def load(self) -> Mapping[Split, NamedFaces]:
        """Return the splits: images uint8 (N, 1, image_size, image_size), labels int64 (N,).

        Raises:
            DataError: naming the folder that is missing, empty or of no class, or the unreadable images.
        """
        root = Path(self.path).expanduser()
        if not root.is_dir():
            raise DataError(f"no image folder at {root.absolute()}; set data.path")
        files = self._files(root)
        images, reasons = _decode([file.path for file in files], self.image_size)
        if unreadable := [file.path for file, reason in zip(files, reasons, strict=True) if reason]:
            self._report(unreadable, [reason for reason in reasons if reason], len(files))
        splits: dict[Split, NamedFaces] = {}
        for split in SPLITS:
            chosen = [i for i, file in enumerate(files) if file.split == split and not reasons[i]]
            if chosen:
                splits[split] = NamedFaces(
                    torch.from_numpy(images[chosen][:, None]),
                    torch.tensor([files[i].label for i in chosen]),
                    [files[i].path.relative_to(root).as_posix() for i in chosen],
                )
        if "train" not in splits:
            raise DataError(
                f"no training images in {root.absolute()}: expected train/<class>/* or <class>/*, "
                f"of the types {' '.join(sorted(SUFFIXES))}"
            )
        missing = [name for label, name in enumerate(EXPRESSIONS) if label not in splits["train"].labels]
        if missing:
            _log.warning("%s has no training images of %s", root, ", ".join(missing))
        if "val" not in splits:
            splits |= self._split_off(splits["train"])
        return splits

    def _files(self, root: Path) -> list[_File]:
        split_folders = [
            (SPLIT_FOLDERS[folder.name.lower()], folder)
            for folder in _folders(root)
            if folder.name.lower() in SPLIT_FOLDERS
        ]
        classes = {str(name).casefold(): expression for name, expression in self.classes.items()}
        files = []
        for split, split_folder in split_folders or [("train", root)]:
            for folder in _folders(split_folder):
                if folder.name.casefold() not in classes:
                    raise DataError(
                        f"{folder.absolute()}: {folder.name} is no known class. Map it with "
                        f"+data.classes.{folder.name}=<{'|'.join(EXPRESSIONS)}> "
                        f"or leave it out with +data.classes.{folder.name}=null"
                    )
                expression = classes[folder.name.casefold()]
                if expression is None:
                    continue
                if expression not in EXPRESSIONS:
                    raise DataError(f"data.classes.{folder.name} is {expression!r}, none of {', '.join(EXPRESSIONS)}")
                label = EXPRESSIONS.index(expression)
                paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
                files += [_File(split, label, path) for path in paths if not path.name.startswith(".")]
        return files

    def _report(self, paths: list[Path], reasons: list[str], total: int) -> None:
        shown = ", ".join(f"{p} ({r})" for p, r in list(zip(paths, reasons, strict=True))[:_NAMED_IN_ERRORS])
        more = f" and {len(paths) - _NAMED_IN_ERRORS} more" if len(paths) > _NAMED_IN_ERRORS else ""
        message = f"{len(paths)} of {total} images cannot be read: {shown}{more}"
        if not self.skip_unreadable:
            raise DataError(f"{message}. Mend or remove them, or leave them out: data.skip_unreadable=true")
        _log.warning("%s; left out", message)

    def _split_off(self, train: NamedFaces) -> dict[Split, NamedFaces]:
        stays, drawn = stratified_split(train.labels, self.val_share, self.split_seed)
        _log.info("No val folder: %d of %d training images become val, by class", len(drawn), len(train))
        parts: dict[Split, NamedFaces] = {}
        for split, indices in zip(SPLITS, (stays, drawn), strict=False):
            names = [train.names[index] for index in indices.tolist()]
            parts[split] = NamedFaces(train.images[indices], train.labels[indices], names)
        return parts


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _decode(paths: list[Path], size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """All images, uint8 (N, size, size), and for each why it cannot be read, empty for those that can."""
    images = np.zeros((len(paths), size, size), dtype=np.uint8)
    logging_of_cv2 = cv2.utils.logging
    level = logging_of_cv2.getLogLevel()
    # what OpenCV would print of broken files, our error says with their names
    logging_of_cv2.setLogLevel(logging_of_cv2.LOG_LEVEL_SILENT)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            faces = pool.map(lambda path: _read(path, size), paths)
            bar = track(faces, "Reading images", total=len(paths), console=Console(stderr=True), transient=True)
            reasons = []
            for image, face in zip(images, bar, strict=True):
                if isinstance(face, str):
                    reasons.append(face)
                else:
                    image[:] = face
                    reasons.append("")
    finally:
        logging_of_cv2.setLogLevel(level)
    return images, reasons


def _read(path: Path, size: int) -> NDArray[np.uint8] | str:
    """The face, uint8 (size, size), or the reason why there is none."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        return error.strerror or str(error)
    if not len(data):
        return "empty file"
    try:
        # OpenCV's own conversion turns by EXIF and scales 16 bits to 8
        gray = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        full = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if path.suffix.lower() in _MAY_HAVE_ALPHA else gray
    except cv2.error as error:
        return str(error.err)
    if gray is None or full is None:
        return "not an image that OpenCV can decode"
    if full.ndim == 3 and full.shape[2] == 4:  # what lies below transparent pixels is arbitrary: black
        gray = np.rint(gray * (full[..., 3] / (65535 if full.dtype == np.uint16 else 255)))
    return resize_face(gray.astype(np.uint8, copy=False), size)
