"""What can be known to be wrong with labelled faces: copies, conflicting labels, blank images."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from cascade.contact_sheet import contact_sheet
from cascade.files import write_whole
from cascade.pictures import save_picture
from cascade.terminal import progress_bar
from fer.data.faces import Faces, Split

KINDS = ("blank", "copy within split", "copy across splits", "conflicting labels")
_COLUMNS = 12
Splits = Mapping[Split, Faces]


def find_flaws(splits: Splits, names: Sequence[str], blank_below: float = 2.0) -> pd.DataFrame:
    """Find blank images, and images that are equal in every pixel.

    Blank images are equal to each other and mean nothing by that, so they are left out of the copies.

    Args:
        splits: what to search.
        names: of the classes that labels are indices of.
        blank_below: an image is blank where the standard deviation of its pixels, in gray levels, is less.

    Returns:
        a row for each thing wrong with a face, ordered by kind, group, split and index: `kind`, one of `KINDS`;
        `group`, number of the set of equal images, 0 for a blank one; `split` and `index` of the face, its place
        in the source as `face`, and its `label`.
    """
    faces = pd.concat([_described(split, of, names) for split, of in splits.items()], ignore_index=True)
    blank = faces["spread"] < blank_below
    copies = faces[~blank & faces.duplicated("pixels", keep=False)]
    copies = copies.assign(group=copies["pixels"].factorize()[0] + 1).sort_values("group", kind="stable")
    sets = copies.groupby("group")
    found = (
        faces[blank].assign(group=0),
        copies[copies.duplicated(["group", "split"], keep=False)],
        copies[sets["split"].transform("nunique") > 1],
        copies[sets["label"].transform("nunique") > 1],
    )
    flaws = pd.concat([of.assign(kind=kind) for kind, of in zip(KINDS, found, strict=True)], ignore_index=True)
    return flaws[["kind", "group", "split", "index", "face", "label"]]


def report_flaws(
    splits: Splits, names: Sequence[str], folder: Path, blank_below: float, faces_per_sheet: int, seed: int
) -> None:
    """Write `audit.json`, `flaws.csv` and contact sheets into a folder and print the figures.

    Labels are indices of the names; the settings are explained in `configs/audit.yaml`.
    """
    flaws = find_flaws(splits, names, blank_below)
    labels = {split: faces.hard_labels.numpy() for split, faces in splits.items()}
    counts = {split: np.bincount(of, minlength=len(names)) for split, of in labels.items()}
    classes = pd.DataFrame(counts, index=list(names))
    kinds = pd.crosstab(flaws["kind"], flaws["split"]).reindex(index=KINDS, columns=list(splits), fill_value=0)
    kinds.insert(0, "images", kinds.sum(axis=1))
    groups = flaws[flaws["group"] > 0].groupby("kind")["group"].nunique()
    kinds.insert(0, "groups", groups.reindex(KINDS, fill_value=0))
    summary = kinds.to_dict("index")
    del summary["blank"]["groups"]
    content = {"counts": classes.to_dict(), "blank_below": blank_below, "flaws": summary}
    write_whole(folder / "audit.json", json.dumps(content, indent=2) + "\n")
    listed = flaws.drop(columns="index").assign(group=flaws["group"].astype(object).replace(0, ""))
    write_whole(folder / "flaws.csv", listed.to_csv(index=False))
    for label, name in enumerate(names):
        members = np.flatnonzero(labels["train"] == label)
        rng = np.random.default_rng((seed, label))
        chosen = np.sort(rng.choice(members, size=min(faces_per_sheet, len(members)), replace=False)).tolist()
        captions = [_names(splits["train"])[index] for index in chosen]
        title = f"{name}: {len(chosen)} of {len(members):,} training faces"
        _draw(splits, [("train", index) for index in chosen], captions, title, folder / f"{name}.png")
    for kind in KINDS:
        bearers = flaws[flaws["kind"] == kind]
        if some := bearers.head(faces_per_sheet).to_numpy().tolist():
            captions = [f"{of or ''} {label}".lstrip() + f"\n{split} {face}" for _, of, split, _, face, label in some]
            title = f"{kind}: {len(some)} of {len(bearers):,} images"
            path = folder / f"{kind.replace(' ', '_')}.png"
            _draw(splits, [(split, index) for _, _, split, index, *_ in some], captions, title, path)
    console = Console()
    table = _table("Faces", "class", classes)
    table.add_section()
    table.add_row("all", *(f"{count:,}" for count in classes.sum()))
    console.print(table)
    console.print(_table("Flaws", "flaw", kinds.rename(columns={"groups": "sets of equal images"})))
    console.print(f"Figures, a list of the images and contact sheets: {folder}", soft_wrap=True)


def _described(split: Split, faces: Faces, names: Sequence[str]) -> pd.DataFrame:
    """A row per face: what is compared."""
    with progress_bar() as bar:
        images = bar.track(faces.images.numpy(), description=f"Comparing {split}")
        pixels = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    labels = [names[label] for label in faces.hard_labels.tolist()]
    spread = faces.images.flatten(1).float().std(dim=1).numpy()
    columns = {"index": range(len(faces)), "face": _names(faces), "label": labels, "spread": spread, "pixels": pixels}
    return pd.DataFrame(columns).assign(split=split)


def _names(faces: Faces) -> Sequence[str]:
    return [f"index {index}" for index in range(len(faces))] if faces.names is None else faces.names


def _draw(splits: Splits, faces: list[tuple[Split, int]], captions: list[str], title: str, path: Path) -> None:
    images = [splits[split].images[index, 0].numpy() for split, index in faces]
    save_picture(path, contact_sheet(images, captions, _COLUMNS, title=title))


def _table(title: str, rows: str, numbers: pd.DataFrame) -> Table:
    table = Table(rows, title=title)
    for column in numbers:
        table.add_column(str(column), justify="right")
    for name, row in numbers.iterrows():
        table.add_row(str(name), *(f"{number:,}" for number in row))
    return table
