"""`data=fer2013`: Kaggle's fer2013, 48×48 gray faces in a CSV."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from cascade.errors import DataError
from fer.data.cache import cached_tensors
from fer.data.download import KAGGLE_URL, download_fer2013
from fer.data.faces import Faces, Split
from fer.data.fer2013_csv import SIDE, USAGES, parse_fer2013
from fer.labels import EXPRESSIONS

#: What a folder given as path is searched for, in this order.
NAMES = ("fer2013.csv", "icml_face_data.csv", "fer2013.zip", "icml_face_data.csv.zip", "archive.zip", "fer2013.tar.gz")
#: Raise it whenever the parser's result changes.
CACHE_VERSION = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fer2013:
    """fer2013 (Goodfellow et al., 2013, arXiv:1307.0414) as Kaggle gives it.

    `Training` becomes train, `PublicTest` val and `PrivateTest` test. A file without `PrivateTest` has no test split.
    It is parsed once and memory-mapped from then on. The settings are explained in `configs/data/fer2013.yaml`.
    """

    path: str | Path
    download: bool = False
    cache_dir: str | Path | None = None
    detail: ClassVar[int | None] = SIDE

    @property
    def classes(self) -> tuple[str, ...]:
        """The seven expressions."""
        return EXPRESSIONS

    def load(self) -> Mapping[Split, Faces]:
        """Return the splits of the file: images uint8 (N, 1, 48, 48), labels int64 (N,).

        Raises:
            DataError: where the file is missing, or naming its row and the rule that it breaks.
            UserError: where the download fails.
        """
        return {split: faces for split, (faces, _) in self.load_rows().items()}

    def load_rows(self) -> Mapping[Split, tuple[Faces, Tensor]]:
        """Return each split's faces and their rows in the file: int64 (N,), 1 for the first."""
        file = self._locate()
        cache_dir = None if self.cache_dir is None else Path(self.cache_dir).expanduser()
        tensors = cached_tensors(file, f"v{CACHE_VERSION}", partial(parse_fer2013, file), cache_dir)
        counts = tensors["usages"].bincount(minlength=len(USAGES)).tolist()
        parts = zip(*(torch.split(tensors[name], counts) for name in ("images", "emotions", "rows")), strict=True)
        splits: dict[Split, tuple[Faces, Tensor]] = {}
        for (usage, split), (images, emotions, rows) in zip(USAGES.items(), parts, strict=True):
            if len(rows):
                splits[split] = Faces(images, emotions, [f"row {row}" for row in rows.tolist()]), rows
            elif split == "test":
                _log.info("%s has no PrivateTest rows: there is no test split", file)
            else:
                raise DataError(f"{file} has no row whose Usage is {usage}, which is the {split} split")
        return splits

    def _locate(self) -> Path:
        path = Path(self.path).expanduser()
        if path.is_dir():
            found = [path / name for name in NAMES if (path / name).is_file()]
            path = found[0] if found else path / NAMES[0]
        if path.exists():
            return path
        if self.download:
            download_fer2013(path)
            return path
        raise DataError(
            f"no fer2013 at {path.absolute()}. Get it from {KAGGLE_URL} "
            "(or let data.download=true do it) and set data.path or FER2013_CSV; "
            "or try the project without it: data=synthetic"
        )
