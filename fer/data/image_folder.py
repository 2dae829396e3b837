"""`data=image_folder`: pictures sorted into folders by split and class."""

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from cascade.errors import DataError, ImageError
from cascade.pictures import SUFFIXES, Image, is_hidden, read_gray
from cascade.ranges import Below, Seed
from cascade.terminal import progress_bar
from fer.data.faces import Faces, Split
from fer.labels import EXPRESSIONS, check_classes
from fer.preprocessing import Side, resize_face
from fer.seeding import SPLIT, generator

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_MAY_HAVE_ALPHA = {".png", ".webp", ".tif", ".tiff"}
_NAMED_IN_ERRORS = 5
_FEW = 20  # training images of a class
_POINTS = 2  # of accuracy that one validation face may make
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFolder:
    """Pictures of faces under `train|val|test/<class>/`, of any size, colour and depth.

    A folder that holds the classes themselves is all train. What its folders are called, `folders` may know by another
    name, or leave out; any other name is a class as it stands. Where there is no val, it is drawn from train
    by class. The draw knows nothing of persons: where a folder holds several pictures of one person, such
    as CK+, give a val split of other persons. The settings are explained in `configs/data/image_folder.yaml`;
    `image_size` is the side of the delivered faces in pixels.
    """

    path: str | Path
    folders: Mapping[str | int, str | None]
    val_share: Below = 0.1
    split_seed: Seed = 0
    skip_unreadable: bool = False
    image_size: Side = 48
    detail: ClassVar[int | None] = None

    def load(self) -> Mapping[Split, Faces]:
        """Return the splits: images uint8 (N, 1, image_size, image_size), labels int64 (N,).

        Raises:
            DataError: naming the folder that is missing, empty or of no class, or the unreadable images.
        """
        root, files = self._root, self._files
        images = _read_all([path for *_, path in files], self.image_size)
        self._report([image for image in images if isinstance(image, ImageError)], len(files))
        splits: dict[Split, Faces] = {}
        for split in get_args(Split):
            chosen = [
                (image, self.classes.index(name), path.relative_to(root).as_posix())
                for (of, name, path), image in zip(files, images, strict=True)
                if of == split and not isinstance(image, ImageError)
            ]
            if chosen:
                faces, labels, names = zip(*chosen, strict=True)
                splits[split] = Faces(torch.from_numpy(np.stack(faces)[:, None]), torch.tensor(labels), names)
        if "train" not in splits:
            raise DataError(f"not one training image in {root.absolute()} can be read")
        numbers = splits["train"].labels.bincount(minlength=len(self.classes)).tolist()
        counts = dict(zip(self.classes, numbers, strict=True))
        _log.info("train: %s", ", ".join(f"{count:,} {name}" for name, count in counts.items()))
        if few := [f"{count} of {name}" for name, count in counts.items() if count < _FEW]:
            _log.warning("few to learn from: %s; below %d of a class much is chance", ", ".join(few), _FEW)
        if "val" not in splits:
            train = splits["train"]
            if not self.val_share:
                raise DataError(f"{root.absolute()} has no val folder, and data.val_share=0 draws none from train")
            stays, drawn = stratified_split(train.labels, self.val_share, self.split_seed)
            if not len(drawn):
                raise DataError(
                    f"{root.absolute()} has no val folder, and too few pictures to draw one: each class needs two"
                )
            _log.info("No val folder: %d of %d training images become val, by class", len(drawn), len(train))
            splits |= {"train": train[stays], "val": train[drawn]}
        if (count := len(splits["val"])) < 100 // _POINTS:
            _log.warning("%d faces to validate on: each is %.0f points of accuracy", count, 100 / count)
        return splits

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Those that train has pictures of: the seven expressions in their order, then others by name.

        Raises:
            DataError: fewer than two, or names that classes cannot have; other splits have more.
        """
        names = {split: {name for of, name, _ in self._files if of == split} for split in get_args(Split)}
        classes = sorted(names["train"], key=lambda name: ((*EXPRESSIONS, name).index(name), name))
        try:
            check_classes(classes)
        except ValueError as error:
            raise DataError(f"{self._root.absolute()}: {error}") from error
        if len(classes) < 2:
            raise DataError(f"{self._root.absolute()} has training images of {classes[0]} alone: nothing to tell apart")
        for split in names:
            if more := sorted(names[split] - names["train"]):
                raise DataError(f"{self._root.absolute()} has images of {more[0]} in {split}, and none in train")
        return tuple(classes)

    @property
    def _root(self) -> Path:
        return Path(self.path).expanduser()

    @cached_property
    def _files(self) -> list[tuple[Split, str, Path]]:
        """The split, the class and the path of each picture."""
        root = self._root
        if not root.is_dir():
            raise DataError(f"no image folder at {root.absolute()}; set data.path")
        splits = {folder: split for folder in _folders(root) if (split := SPLIT_FOLDERS.get(folder.name.lower()))}
        known = {str(name).casefold(): of for name, of in self.folders.items()}
        files: list[tuple[Split, str, Path]] = []
        for split_folder, split in (splits or {root: "train"}).items():
            for folder in _folders(split_folder):
                if (name := known.get(folder.name.casefold(), folder.name)) is None:
                    continue
                paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
                files += [(split, str(name), path) for path in paths if not is_hidden(path.relative_to(folder))]
        if not any(split == "train" for split, *_ in files):
            raise DataError(
                f"no training images in {root.absolute()}: expected train/<class>/* or <class>/*, "
                f"of the types {' '.join(sorted(SUFFIXES))}"
            )
        return files

    def _report(self, problems: Sequence[ImageError], total: int) -> None:
        if not problems:
            return
        shown = "; ".join(map(str, problems[:_NAMED_IN_ERRORS]))
        more = f" and {len(problems) - _NAMED_IN_ERRORS} more" if len(problems) > _NAMED_IN_ERRORS else ""
        message = f"{len(problems)} of {total} images cannot be read: {shown}{more}"
        if not self.skip_unreadable:
            raise DataError(f"{message}. Mend or remove them, or leave them out: data.skip_unreadable=true")
        _log.warning("%s; left out", message)


def stratified_split(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Draw a share, between 0 and 1, of each class at random; the labels are classes, int64 (N,).

    A class's draw depends on the seed and on that class alone. Each class that has two faces or more gives
    at least one and keeps at least one.

    Returns:
        the indices that stay and those drawn, each int64 and ascending.

    Raises:
        ValueError: where the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share must lie between 0 and 1, not {share}")
    drawn = torch.zeros(len(labels), dtype=torch.bool)
    for label in torch.unique(labels).tolist():
        members = torch.nonzero(labels == label).flatten()
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        order = torch.randperm(len(members), generator=generator(seed, SPLIT, label))
        drawn[members[order[:count]]] = True
    return torch.nonzero(~drawn).flatten(), torch.nonzero(drawn).flatten()


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read_all(paths: list[Path], size: int) -> list[Image | ImageError]:
    """Each face, uint8 (size, size), or why there is none."""
    level = cv2.utils.logging.getLogLevel()
    # what OpenCV would print of broken files, our error says with their names
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool, progress_bar() as bar:
            faces = pool.map(partial(_read, size=size), paths)
            return list(bar.track(faces, total=len(paths), description="Reading images"))
    finally:
        cv2.utils.logging.setLogLevel(level)


def _read(path: Path, size: int) -> Image | ImageError:
    try:
        gray = read_gray(path)
    except ImageError as error:
        return error
    if path.suffix.lower() in _MAY_HAVE_ALPHA:
        full = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if full is not None and full.shape[2:] == (4,):  # what lies below transparent pixels is arbitrary: black
            opaque = full[..., 3] / (65535 if full.dtype == np.uint16 else 255)
            gray = np.rint(gray * opaque).astype(np.uint8)
    return resize_face(gray, size)
