"""`data=ferplus`: fer2013's faces with the labels of FER+'s ten taggers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from cascade.errors import DataError
from fer.data.faces import Faces, Split
from fer.data.fer2013 import Fer2013
from fer.data.fer2013_csv import SIDE, USAGES
from fer.data.strict_csv import open_csv
from fer.labels import EXPRESSIONS

VOTES_URL = "https://github.com/microsoft/FERPlus/blob/master/fer2013new.csv"

#: FER+'s columns of votes; the last two are no expressions.
CATEGORIES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
_NAMES = {"happy": "happiness", "sad": "sadness", "angry": "anger"}
_OURS = [CATEGORIES.index(_NAMES.get(expression, expression)) for expression in EXPRESSIONS]
_CONTEMPT, _UNKNOWN = CATEGORIES.index("contempt"), CATEGORIES.index("unknown")
# FER+ agrees with fer2013's labels in 68% of the rows, and in 18% where the rows are shuffled.
_LEAST_AGREEMENT = 0.4
_ENOUGH_ROWS = 100
_RULE = "the files must have the same rows in the same order"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FerPlus:
    """fer2013 labelled anew by ten taggers (Barsoum et al., 2016, arXiv:1608.01041).

    The votes are read by the rules of the authors' code, github.com/microsoft/FERPlus, `src/ferplus.py`
    (`_process_data` and `load_folders`), in every split alike. A category with
    a single vote counts as an outlier and loses it. Then

    - `majority`: the category with more than half of the votes that are left is the label.
    - `distribution`: categories are taken from the most votes downwards, those with equal votes together,
      until they hold three quarters of the votes, are three, or unknown or no-face is met; their shares
      are the label. Images are dropped where these hold half of the votes or less, or are more than three.

    Images are dropped that end without a label, as unknown or as no face (NF). Contempt is no class of
    ours: images that are mostly contempt are dropped, and its share is removed from the others. The settings are
    explained in `configs/data/ferplus.yaml`.
    """

    path: str | Path
    votes_path: str | Path
    labels: Literal["majority", "distribution"] = "majority"
    download: bool = False
    cache_dir: str | Path | None = None
    detail: ClassVar[int | None] = SIDE

    @property
    def classes(self) -> tuple[str, ...]:
        """The seven expressions."""
        return EXPRESSIONS

    def load(self) -> Mapping[Split, Faces]:
        """Return the splits without the dropped images: images uint8 (N, 1, 48, 48).

        Labels are int64 (N,) by majority, float32 (N, 7) as distributions.

        Raises:
            DataError: where a file is missing or wrong, or the votes do not belong to the rows.
            UserError: where the download fails.
        """
        if self.labels not in ("majority", "distribution"):
            raise DataError(f"data.labels is {self.labels!r}, neither 'majority' nor 'distribution'")
        splits = Fer2013(self.path, self.download, self.cache_dir).load_rows()
        usages, votes = read_votes(Path(self.votes_path).expanduser())
        total = sum(len(rows) for _, rows in splits.values())
        if total != len(votes):
            raise DataError(f"{self.votes_path} has {len(votes):,} rows, {self.path} {total:,}: they must match")
        majorities = majority(votes)
        shares = majorities if self.labels == "majority" else distribution(votes)
        kept: dict[Split, Faces] = {}
        for split, (faces, rows) in splits.items():
            places = rows.numpy() - 1
            _check_rows(self.votes_path, self.path, split, places, usages, majorities, faces.labels.numpy())
            labels = torch.from_numpy(shares[places])
            chosen = labels.any(dim=1).nonzero().flatten()
            labels = labels.argmax(dim=1) if self.labels == "majority" else labels
            kept[split] = replace(faces, labels=labels)[chosen]
            _log.info("FER+ %s: %s of %s faces kept", split, f"{len(chosen):,}", f"{len(rows):,}")
        return kept


def votes_about(path: Path, faces: Faces, split: Split = "train") -> NDArray[np.int64]:
    """Read the votes about the faces of one split of `data=fer2013`, int64 (N, 10), in the order of `CATEGORIES`.

    Raises:
        DataError: the file is missing or wrong, or does not belong to these faces.
    """
    usages, votes = read_votes(path)
    rows = [name.partition(" ") for name in faces.names or ()]
    places = np.array([int(number) - 1 for word, _, number in rows if word == "row" and number.isdecimal()], np.int64)
    if len(places) != len(faces):
        raise DataError(f"the votes of {path} are about fer2013's rows, and these faces are none: use data=fer2013")
    if places.max(initial=-1) >= len(votes):
        raise DataError(f"{path} has {len(votes):,} rows, and the faces are of more: they must match")
    _check_rows(path, "the faces' file", split, places, usages, majority(votes), faces.hard_labels.numpy())
    return votes[places]


def _check_rows(
    votes_path: str | Path,
    path: str | Path,
    split: Split,
    places: NDArray[np.int64],
    usages: NDArray[np.str_],
    majorities: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> None:
    """Refuse votes, and the majorities of all of them, that are not about the faces of a split's rows."""
    usage = next(usage for usage, name in USAGES.items() if name == split)
    if len(wrong := places[usages[places] != usage]):
        raise DataError(
            f"{votes_path}, row {wrong[0] + 1}: Usage is {str(usages[wrong[0]])!r}, but {usage} in "
            f"the same row of {path}; {_RULE}"
        )
    agrees = (majorities[places].argmax(axis=1) == labels)[majorities[places].any(axis=1)]
    if len(agrees) >= _ENOUGH_ROWS and agrees.mean() < _LEAST_AGREEMENT:
        raise DataError(
            f"{votes_path}: the votes agree with the emotions of {path} in only "
            f"{agrees.mean():.0%} of the {usage} rows; {_RULE}"
        )


def majority(votes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Apply FER+'s majority rule to votes, int64 (N, 10), in the order of `CATEGORIES`.

    Returns:
        float32 (N, 7), 1 at the label; a row of zeros for an image that is dropped.
    """
    votes = np.where(votes > 1, votes, 0)
    wins = (2 * votes.max(axis=1) > votes.sum(axis=1))[:, None] & (votes == votes.max(axis=1, keepdims=True))
    return _ours(wins.astype(np.float32))


def distribution(votes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Apply FER+'s rule for distributions to votes, int64 (N, 10), in the order of `CATEGORIES`.

    Returns:
        float32 (N, 7), each row a distribution; a row of zeros for an image that is dropped.
    """
    rest = np.where(votes > 1, votes, 0)
    total = rest.sum(axis=1)
    taken = np.zeros_like(rest)
    goes_on = np.ones(len(votes), dtype=bool)
    for _ in range(3):  # each round takes one category at least
        goes_on &= (4 * taken.sum(axis=1) < 3 * total) & ((taken > 0).sum(axis=1) < 3)
        top = goes_on[:, None] & (rest == rest.max(axis=1, keepdims=True))
        taken += np.where(top, rest, 0)
        rest = np.where(top, 0, rest)
        goes_on &= ~top[:, _UNKNOWN:].any(axis=1)
    taken[:, _UNKNOWN:] = 0
    dropped = (2 * taken.sum(axis=1) <= total) | ((taken > 0).sum(axis=1) > 3)
    return _ours(np.where(dropped[:, None], 0, taken).astype(np.float32))


def _ours(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """From FER+'s categories to our classes: float32 (N, 10) to (N, 7), rows of sum 1 or 0."""
    ours = shares[:, _OURS]
    ours[shares.argmax(axis=1) >= _CONTEMPT] = 0  # contempt is the first of what is no class of ours
    ours /= np.maximum(ours.sum(axis=1, keepdims=True), 1e-9)
    return ours


def read_votes(path: Path) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Read FER+'s `fer2013new.csv`.

    Returns:
        each row's Usage, (N,), and its votes, int64 (N, 10), in the order of `CATEGORIES`.

    Raises:
        DataError: where the file is missing, or naming its row and the rule that it breaks.
    """
    if not path.is_file():
        raise DataError(f"no FER+ votes at {path.absolute()}. Get {VOTES_URL} and set data.votes_path")
    usages, votes = [], []
    with open_csv(path, ("Usage", *CATEGORIES)) as table:
        for usage, *counts in table:
            if not all(count.isascii() and count.isdecimal() and len(count) < 6 for count in counts):
                table.refuse(f"the votes {', '.join(counts)} are not all counts")
            usages.append(usage)
            votes.append([int(count) for count in counts])
    return np.array(usages), np.array(votes, dtype=np.int64)
