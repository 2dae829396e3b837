"""`python -m fer.data.audit`: report what is wrong with a data set, with a contact sheet per class."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from cascade.command import output_dir, run_command
from fer.data.faces import Faces, Split
from fer.data.flaws import KINDS, Flaw, find_flaws
from fer.data.named_faces import NamedFaces
from fer.labels import EXPRESSIONS
from fer.visual import contact_sheet

_COLUMNS = 12


def audit(splits: Mapping[Split, Faces], folder: Path, blank_below: float, faces_per_sheet: int, seed: int) -> None:
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
    summary = {"counts": counts, "blank_below": blank_below, "flaws": _summary(flaws, splits)}
    (folder / "audit.json").write_text(json.dumps(summary, indent=2) + "\n")
    _write_csv(flaws, splits, folder / "flaws.csv")
    for label, name in enumerate(EXPRESSIONS):
        _draw_class(splits["train"], label, folder / f"{name}.png", faces_per_sheet, seed)
    for kind in KINDS:
        _draw_flaws([flaw for flaw in flaws if flaw.kind == kind], splits, folder, faces_per_sheet)
    _print(counts, summary["flaws"], folder)


def _class_counts(faces: Faces) -> dict[str, int]:
    found = Counter(faces.hard_labels.tolist())
    return {name: found[label] for label, name in enumerate(EXPRESSIONS)}


def _summary(flaws: Sequence[Flaw], splits: Mapping[Split, Faces]) -> dict[str, dict[str, int]]:
    """For each kind the sets of equal images, the images, and how many of these are in each split."""
    summary: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        chosen = [flaw for flaw in flaws if flaw.kind == kind]
        found = Counter(flaw.split for flaw in chosen)
        groups = {} if kind == "blank" else {"groups": len({flaw.group for flaw in chosen})}
        summary[kind] = groups | {"images": len(chosen)} | {split: found[split] for split in splits}
    return summary


def _name(splits: Mapping[Split, Faces], split: Split, index: int) -> str:
    faces = splits[split]
    return faces.names[index] if isinstance(faces, NamedFaces) else f"index {index}"


def _label(splits: Mapping[Split, Faces], flaw: Flaw) -> str:
    return EXPRESSIONS[int(splits[flaw.split].hard_labels[flaw.index])]


def _write_csv(flaws: Sequence[Flaw], splits: Mapping[Split, Faces], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("kind", "group", "split", "face", "label"))
        for flaw in flaws:
            face = _name(splits, flaw.split, flaw.index)
            writer.writerow((flaw.kind, flaw.group or "", flaw.split, face, _label(splits, flaw)))


def _draw_class(faces: Faces, label: int, path: Path, count: int, seed: int) -> None:
    members = np.flatnonzero(faces.hard_labels.numpy() == label)
    rng = np.random.default_rng((seed, label))
    chosen = np.sort(rng.choice(members, size=min(count, len(members)), replace=False))
    captions = [_name({"train": faces}, "train", int(index)) for index in chosen]
    title = f"{EXPRESSIONS[label]}: {len(chosen)} of {len(members):,} training faces"
    images = faces.images[chosen][:, 0].numpy()
    cv2.imwrite(str(path), contact_sheet(images, captions, _COLUMNS, title=title))


def _draw_flaws(flaws: Sequence[Flaw], splits: Mapping[Split, Faces], folder: Path, count: int) -> None:
    if not flaws:
        return
    chosen = flaws[:count]
    images = np.stack([splits[flaw.split].images[flaw.index, 0].numpy() for flaw in chosen])
    captions = [
        f"{flaw.group or ''} {_label(splits, flaw)}".lstrip()
        + f"\n{flaw.split} {_name(splits, flaw.split, flaw.index)}"
        for flaw in chosen
    ]
    title = f"{flaws[0].kind}: {len(chosen)} of {len(flaws):,} images"
    path = folder / f"{flaws[0].kind.replace(' ', '_')}.png"
    cv2.imwrite(str(path), contact_sheet(images, captions, _COLUMNS, title=title))


def _print(counts: Mapping[Split, Mapping[str, int]], summary: Any, folder: Path) -> None:
    console = Console()
    table = Table("class", *counts, title="Faces")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in EXPRESSIONS:
        table.add_row(name, *(f"{of[name]:,}" for of in counts.values()))
    table.add_section()
    table.add_row("all", *(f"{sum(of.values()):,}" for of in counts.values()))
    console.print(table)
    flaws = Table("flaw", "sets of equal images", "images", *counts, title="Flaws")
    for column in flaws.columns[1:]:
        column.justify = "right"
    for kind, row in summary.items():
        groups = f"{row['groups']:,}" if "groups" in row else ""
        flaws.add_row(kind, groups, f"{row['images']:,}", *(f"{row[split]:,}" for split in counts))
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
