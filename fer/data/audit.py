"""`python -m fer.data.audit`: report what is wrong with a data set, with a contact sheet per class."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from cascade.command import output_dir, run_command
from cascade.contact_sheet import contact_sheet
from cascade.files import write_whole
from cascade.pictures import save_picture
from fer.data.faces import Faces, Split
from fer.data.flaws import KINDS, Flaw, find_flaws
from fer.labels import EXPRESSIONS

_COLUMNS = 12
Splits = Mapping[Split, Faces]


def audit(splits: Splits, folder: Path, blank_below: float, faces_per_sheet: int, seed: int) -> None:
    """Write `audit.json`, `flaws.csv` and contact sheets into a folder and print the figures.

    Args:
        splits: the faces.
        folder: where the files go.
        blank_below: see `find_flaws`.
        faces_per_sheet: faces on each contact sheet.
        seed: of the choice of faces on a class's sheet.
    """
    flaws = find_flaws(splits, blank_below)
    counts = {split: _class_counts(faces) for split, faces in splits.items()}
    summary = {kind: _summary([flaw for flaw in flaws if flaw.kind == kind], kind, splits) for kind in KINDS}
    content = {"counts": counts, "blank_below": blank_below, "flaws": summary}
    write_whole(folder / "audit.json", json.dumps(content, indent=2) + "\n")
    write_whole(folder / "flaws.csv", _csv(flaws, splits))
    for label, name in enumerate(EXPRESSIONS):
        members = np.flatnonzero(splits["train"].hard_labels.numpy() == label)
        rng = np.random.default_rng((seed, label))
        chosen = np.sort(rng.choice(members, size=min(faces_per_sheet, len(members)), replace=False)).tolist()
        captions = [_name(splits, "train", index) for index in chosen]
        title = f"{name}: {len(chosen)} of {len(members):,} training faces"
        _draw(splits, [("train", index) for index in chosen], captions, title, folder / f"{name}.png")
    for kind in KINDS:
        some = [flaw for flaw in flaws if flaw.kind == kind][:faces_per_sheet]
        if some:
            captions = [
                f"{flaw.group or ''} {_label(splits, flaw)}".lstrip()
                + f"\n{flaw.split} {_name(splits, flaw.split, flaw.index)}"
                for flaw in some
            ]
            title = f"{kind}: {len(some)} of {summary[kind]['images']:,} images"
            path = folder / f"{kind.replace(' ', '_')}.png"
            _draw(splits, [(flaw.split, flaw.index) for flaw in some], captions, title, path)
    _print(counts, summary, folder)


def _class_counts(faces: Faces) -> dict[str, int]:
    return dict(zip(EXPRESSIONS, faces.hard_labels.bincount(minlength=len(EXPRESSIONS)).tolist(), strict=True))


def _summary(flaws: Sequence[Flaw], kind: str, splits: Splits) -> dict[str, int]:
    """The sets of equal images, the images, and how many of these are in each split."""
    found = Counter(flaw.split for flaw in flaws)
    groups = {} if kind == "blank" else {"groups": len({flaw.group for flaw in flaws})}
    return groups | {"images": len(flaws)} | {split: found[split] for split in splits}


def _name(splits: Splits, split: Split, index: int) -> str:
    names = splits[split].names
    return f"index {index}" if names is None else names[index]


def _label(splits: Splits, flaw: Flaw) -> str:
    return EXPRESSIONS[int(splits[flaw.split].hard_labels[flaw.index])]


def _csv(flaws: Sequence[Flaw], splits: Splits) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("kind", "group", "split", "face", "label"))
    for flaw in flaws:
        name = _name(splits, flaw.split, flaw.index)
        writer.writerow((flaw.kind, flaw.group or "", flaw.split, name, _label(splits, flaw)))
    return text.getvalue()


def _draw(splits: Splits, faces: list[tuple[Split, int]], captions: list[str], title: str, path: Path) -> None:
    images = [splits[split].images[index, 0].numpy() for split, index in faces]
    save_picture(path, contact_sheet(images, captions, _COLUMNS, title=title))


def _print(counts: Mapping[Split, Mapping[str, int]], summary: Mapping[Any, dict[str, int]], folder: Path) -> None:
    console = Console()
    faces = Table("class", title="Faces")
    flaws = Table("flaw", title="Flaws")
    for table, columns in ((faces, counts), (flaws, ("sets of equal images", "images", *counts))):
        for column in columns:
            table.add_column(column, justify="right")
    for name in EXPRESSIONS:
        faces.add_row(name, *(f"{of[name]:,}" for of in counts.values()))
    faces.add_section()
    faces.add_row("all", *(f"{sum(of.values()):,}" for of in counts.values()))
    for kind, row in summary.items():
        groups = f"{row['groups']:,}" if "groups" in row else ""
        flaws.add_row(kind, groups, f"{row['images']:,}", *(f"{row[split]:,}" for split in counts))
    console.print(faces)
    console.print(flaws)
    console.print(f"Figures, a list of the images and contact sheets: {folder}", soft_wrap=True)


def audit_source(config: DictConfig) -> None:
    """Load the configured source and audit it into the run's folder."""
    splits = instantiate(config.data).splits
    audit(splits, output_dir(), config.blank_below, config.faces_per_sheet, config.seed)


def main() -> None:
    """Run the command."""
    run_command(audit_source, "audit")


if __name__ == "__main__":
    main()
