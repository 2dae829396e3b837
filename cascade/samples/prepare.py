"""From folders of pictures to what OpenCV's binaries read: lists, boxes, a held-out share, an account."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cascade.boxes import Box
from cascade.errors import DataError
from cascade.pictures import read_gray
from cascade.samples.lists import binary_suffix, write_background, write_positives
from cascade.samples.sieve import Account, Sieve, Source

REPORT_NAME = "pictures.csv"


@dataclass(frozen=True)
class Prepared:
    """A prepared folder.

    Attributes:
        positives: boxes to train on.
        negatives: pictures to train on.
        held_out_positives: boxes held out.
        held_out_negatives: pictures held out.
        left_out: how many pictures or boxes were left out or changed, by reason.
    """

    positives: int
    negatives: int
    held_out_positives: int
    held_out_negatives: int
    left_out: dict[str, int]


def prepare(
    folder: Path,
    positives: Sequence[Source],
    negatives: Sequence[Source],
    sieve: Sieve,
    *,
    held_out: float,
    seed: int,
    on_picture: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Write `positives.dat`, `bg.txt`, the same under `held_out/`, and `pictures.csv`.

    Pictures are hard links of the originals where the file system allows it, copies elsewhere, and PNG files
    where they had to be padded or converted.

    Args:
        folder: an empty folder.
        positives: pictures of what is to be found; may be none, when samples are made by distortion.
        negatives: pictures without it.
        sieve: decides what can be used.
        held_out: share that is set aside for measuring, 0..1, of either kind.
        seed: decides which pictures those are, and the order of the others.
        on_picture: told how many of how many pictures have been looked at.

    Raises:
        DataError: no positive or no negative is left to train on.
    """
    total = len(positives) + len(negatives)
    accounts: list[Account] = []
    for look, sources in ((sieve.positive, positives), (sieve.negative, negatives)):
        for source in sources:
            accounts.append(look(source))
            if on_picture is not None:
                on_picture(len(accounts), total)
    generator = np.random.default_rng(seed)
    parts: dict[str, list[Account]] = {}
    for role, given in (("positive", positives), ("negative", negatives)):
        used = [account for account in accounts if account.role == role and account.used]
        if given and not used:
            raise DataError(f"None of the {len(given)} {role}s can be used: {_counted(accounts, role)}")
        parts[role] = _split(used, held_out, generator)
    for split in ("train", "held_out"):
        base = folder if split == "train" else folder / "held_out"
        chosen = {role: [account for account in parts[role] if account.split == split] for role in parts}
        if split == "held_out" and not any(chosen.values()):
            continue
        _write(folder, base, chosen["positive"], chosen["negative"])
    _write_report(folder / REPORT_NAME, accounts)

    def boxes(role: str, split: str) -> int:
        return sum(len(account.boxes) or 1 for account in parts[role] if account.split == split)

    return Prepared(
        boxes("positive", "train"),
        boxes("negative", "train"),
        boxes("positive", "held_out"),
        boxes("negative", "held_out"),
        dict(_reasons(accounts)),
    )


def _split(used: list[Account], held_out: float, generator: np.random.Generator) -> list[Account]:
    count = min(len(used) - 1, round(held_out * len(used))) if used else 0
    shuffled = [used[index] for index in generator.permutation(len(used))]
    for index, account in enumerate(shuffled):
        account.split = "held_out" if index < count else "train"
    return shuffled


def _write(root: Path, base: Path, positives: list[Account], negatives: list[Account]) -> None:
    (base / "positives").mkdir(parents=True)
    (base / "negatives").mkdir()
    listed = []
    for index, account in enumerate(positives):
        path, boxes = _place(account, base / "positives", index)
        account.file = str(path.relative_to(root))
        listed.append((str(path.relative_to(base)), boxes))
    write_positives(base / "positives.dat", listed)
    pictures = []
    for index, account in enumerate(negatives):
        path, _ = _place(account, base / "negatives", index)
        account.file = str(path.relative_to(root))
        pictures.append(str(path.relative_to(base)))
    write_background(base / "bg.txt", pictures)


def _place(account: Account, folder: Path, index: int) -> tuple[Path, list[Box]]:
    """Put a picture into a folder under a plain name; returns its path and its boxes there."""
    boxes = account.boxes
    image = None
    suffix = binary_suffix(account.source)
    if suffix is None or "padded" in account.changes:
        image = read_gray(account.source)
        height, width = image.shape
        left = max([0, *(-x for x, _, _, _ in boxes)])
        top = max([0, *(-y for _, y, _, _ in boxes)])
        right = max([0, *(x + w - width for x, _, w, _ in boxes)])
        bottom = max([0, *(y + h - height for _, y, _, h in boxes)])
        image = np.asarray(cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8)
        boxes = [Box(x + left, y + top, w, h) for x, y, w, h in boxes]
        suffix = ".png"
    path = folder / f"{index:06d}{suffix}"
    if image is not None:
        if not cv2.imwrite(str(path), image):
            raise DataError(f"Cannot write {path}")
        return path, boxes
    try:
        os.link(account.source.resolve(), path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(account.source, path)
    return path, boxes


def _reasons(accounts: Sequence[Account]) -> Counter[str]:
    return Counter(
        f"{account.role}: {change.split(':')[0].split(' of ')[0]}" for account in accounts for change in account.changes
    )


def _counted(accounts: Sequence[Account], role: str) -> str:
    counts = _reasons([account for account in accounts if account.role == role])
    return ", ".join(f"{count} {reason.split(': ', 1)[1]}" for reason, count in counts.most_common())


def _write_report(path: Path, accounts: Sequence[Account]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["role", "source", "used", "split", "file", "boxes", "changes"])
        for account in accounts:
            boxes = " ".join(str(value) for box in account.boxes for value in box)
            row = [account.role, account.source, int(account.used), account.split, account.file, boxes]
            writer.writerow([*row, "; ".join(account.changes)])
