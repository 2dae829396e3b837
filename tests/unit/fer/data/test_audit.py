import csv
import json

import cv2
import pytest
import torch

from fer.data.audit import main
from fer.data.faces import Faces
from fer.data.flaws import find_flaws, report_flaws
from fer.labels import EXPRESSIONS
from tests.in_process import run_here


def faces_of(*kinds):
    """Faces from (seed of the image or None for a blank one, label)."""
    images = []
    for seed, _ in kinds:
        generator = torch.Generator().manual_seed(seed or 0)
        image = torch.randint(0, 256, (1, 48, 48), generator=generator, dtype=torch.uint8)
        images.append(torch.full_like(image, 7) if seed is None else image)
    return Faces(torch.stack(images), torch.tensor([label for _, label in kinds]))


def listed(flaws):
    return list(flaws[["kind", "group", "split", "index"]].itertuples(index=False, name=None))


@pytest.fixture
def splits():
    return {
        "train": faces_of((1, 0), (2, 0), (1, 0), (3, 1), (None, 2), (None, 3), (5, 4), (5, 5)),
        "val": faces_of((3, 1), (4, 0), (2, 6)),
    }


def test_finds_copies_conflicts_and_blanks(splits):
    assert listed(find_flaws(splits, EXPRESSIONS)) == [
        ("blank", 0, "train", 4),
        ("blank", 0, "train", 5),
        ("copy within split", 1, "train", 0),
        ("copy within split", 1, "train", 2),
        ("copy within split", 4, "train", 6),
        ("copy within split", 4, "train", 7),
        ("copy across splits", 2, "train", 1),
        ("copy across splits", 2, "val", 2),
        ("copy across splits", 3, "train", 3),
        ("copy across splits", 3, "val", 0),
        ("conflicting labels", 2, "train", 1),
        ("conflicting labels", 2, "val", 2),
        ("conflicting labels", 4, "train", 6),
        ("conflicting labels", 4, "train", 7),
    ]


def test_nearly_blank_by_the_threshold():
    image = torch.full((1, 1, 48, 48), 100, dtype=torch.uint8)
    image[..., ::2] = 104  # standard deviation 2
    splits = {"train": Faces(image, torch.tensor([0]))}
    assert listed(find_flaws(splits, EXPRESSIONS, blank_below=1.9)) == []
    assert find_flaws(splits, EXPRESSIONS, blank_below=2.1)["kind"].tolist() == ["blank"]


def test_one_pixel_makes_a_difference():
    faces = faces_of((1, 0), (1, 0))
    faces.images[1, 0, 47, 47] ^= 1
    assert listed(find_flaws({"train": faces}, EXPRESSIONS)) == []


def test_only_the_copies_within_a_split_bear_it():
    flaws = find_flaws({"train": faces_of((1, 0), (1, 0)), "val": faces_of((1, 0))}, EXPRESSIONS)
    assert list(flaws[["kind", "split", "index"]].itertuples(index=False, name=None)) == [
        ("copy within split", "train", 0),
        ("copy within split", "train", 1),
        ("copy across splits", "train", 0),
        ("copy across splits", "train", 1),
        ("copy across splits", "val", 0),
    ]


def test_the_report(splits, tmp_path, capsys):
    val = splits["val"]
    splits["val"] = Faces(val.images, val.labels, ["row 3", "row 5", "row 9"])
    report_flaws(splits, EXPRESSIONS, tmp_path, blank_below=2.0, faces_per_sheet=10, seed=0)
    report = json.loads((tmp_path / "audit.json").read_text())
    assert report["counts"]["train"] == dict(zip(EXPRESSIONS, (3, 1, 1, 1, 1, 1, 0), strict=True))
    assert report["flaws"] == {
        "blank": {"images": 2, "train": 2, "val": 0},
        "copy within split": {"groups": 2, "images": 4, "train": 4, "val": 0},
        "copy across splits": {"groups": 2, "images": 4, "train": 2, "val": 2},
        "conflicting labels": {"groups": 2, "images": 4, "train": 3, "val": 1},
    }
    with (tmp_path / "flaws.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 14
    assert {"kind": "conflicting labels", "group": "2", "split": "val", "face": "row 9", "label": "neutral"} in lines
    assert {"kind": "blank", "group": "", "split": "train", "face": "index 4", "label": "fear"} in lines
    for name in ("angry", "neutral", "blank", "copy_within_split", "copy_across_splits", "conflicting_labels"):
        assert cv2.imread(str(tmp_path / f"{name}.png")) is not None
    printed = capsys.readouterr().out
    assert "copy across splits" in printed
    assert "angry" in printed


def test_the_command(write_csv, rows, tmp_path):
    path = write_csv([*rows, rows[0]._replace(emotion=5, usage="PublicTest")])
    output = run_here(main, f"data.path={path}", "hydra.run.dir=audit", folder=tmp_path)
    assert "conflicting labels" in output
    report = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert report["flaws"]["copy across splits"] == {"groups": 1, "images": 2, "train": 1, "val": 1, "test": 0}
    output = run_here(main, "data.path=missing.csv", folder=tmp_path, status=2)
    assert "no fer2013 at" in output
    assert "Traceback" not in output
