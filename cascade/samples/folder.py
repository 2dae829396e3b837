"""The prepared folder: pictures under plain names, lists of them, a held-out share, and an account of all."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cascade.errors import DataError
from cascade.samples.lists import binary_suffix, write_background, write_positives
from cascade.samples.sieve import Picture

ACCOUNT = "pictures.csv"
_COLUMNS = ("role", "source", "used", "split", "file", "boxes", "changes", "width", "height")


def write_folder(folder: Path, pictures: Sequence[Picture], held_out: float, seed: int) -> list[Picture]:
    """Write `positives.dat`, `ignore.dat`, `bg.txt`, the same under `held_out/`, and `pictures.csv`.

    `ignore.dat` lists the regions of the positives' pictures that are neither positives nor negatives; it is missing
    where there are none. Pictures are hard links of the originals where the file system allows it, copies elsewhere,
    and PNG files where they had to be padded or converted.

    Args:
        folder: an empty folder.
        pictures: those given, as the sieve has judged them.
        held_out: share that is set aside for measuring, 0..1, of either kind.
        seed: decides which pictures those are, and the order of the others.

    Returns:
        Those in use, in the order of the lists.

    Raises:
        DataError: none of the positives, or of the negatives, can be used.
    """
    generator = np.random.default_rng(seed)
    chosen: list[Picture] = []
    for role in ("positive", "negative"):
        given = [picture for picture in pictures if picture.role == role]
        used = [picture for picture in given if picture.placed is not None]
        if given and not used:
            counts = ", ".join(f"{count} {reason}" for (_, reason), count in reasons(given).most_common())
            raise DataError(f"None of the {len(given)} {role}s can be used: {counts}")
        aside = max(0, min(len(used) - 1, round(held_out * len(used))))
        for index, number in enumerate(generator.permutation(len(used))):
            used[number].split = "held_out" if index < aside else "train"
            chosen.append(used[number])
    for split, base in (("train", folder), ("held_out", folder / "held_out")):
        if part := [picture for picture in chosen if picture.split == split]:
            _write_part(folder, base, part)
    _write_account(folder / ACCOUNT, pictures)
    return chosen


def reasons(pictures: Iterable[Picture]) -> Counter[tuple[str, str]]:
    """How many pictures or boxes were left out or changed, by role and reason."""
    named = ((picture.role, change) for picture in pictures for change in picture.changes)
    return Counter((role, change.split(":")[0].split(" of ")[0]) for role, change in named)


def read_sizes(bg: Path) -> dict[Path, tuple[int, int]]:
    """The (width, height) in pixels of a list's negatives, by absolute path, so that nobody need decode them again.

    They are those that the account beside the list knows: all of a prepared folder's, as they were when it was
    prepared, and none where there is no account.
    """
    account = bg.absolute().with_name(ACCOUNT)
    if not account.is_file():
        return {}
    with account.open(newline="", encoding="utf-8", errors="surrogateescape") as handle:
        return {
            account.parent / row["file"]: (int(row["width"]), int(row["height"]))
            for row in csv.DictReader(handle)
            if row["role"] == "negative" and row["split"] == "train" and row.get("width")
        }


def _write_part(root: Path, base: Path, pictures: list[Picture]) -> None:
    placed: dict[str, list[tuple[str, Picture]]] = {"positive": [], "negative": []}
    for role in placed:
        (base / f"{role}s").mkdir(parents=True)
    for picture in pictures:
        assert picture.placed is not None
        listed = placed[picture.role]
        name = f"{picture.role}s/{len(listed):06d}{binary_suffix(picture.placed)}"
        try:
            os.link(picture.placed.resolve(), base / name)
        except OSError:  # another file system, or one without links
            shutil.copyfile(picture.placed, base / name)
        picture.file = str((base / name).relative_to(root))
        listed.append((name, picture))
    write_positives(base / "positives.dat", [(name, picture.listed) for name, picture in placed["positive"]])
    if ignored := [(name, picture.ignored) for name, picture in placed["positive"] if picture.ignored]:
        write_positives(base / "ignore.dat", ignored)
    write_background(base / "bg.txt", [name for name, _ in placed["negative"]])


def _write_account(path: Path, pictures: Iterable[Picture]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for picture in pictures:
            boxes = " ".join(str(value) for box in picture.boxes for value in box)
            size = picture.size if picture.split else ("", "")
            row = (picture.role, picture.source, int(bool(picture.split)), picture.split, picture.file, boxes)
            writer.writerow((*row, "; ".join(picture.changes), *size))
