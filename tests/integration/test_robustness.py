"""Accuracy under worse conditions, and what a machine does: commands that only measure."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cascade.drawn.writers import write_folder
from fer import benchmark, robustness
from fer.data.faces import Faces
from fer.inference.classifier import load_classifier
from fer.training.details import fit_temperature
from fer.training.robustness import CONDITIONS, read_groups
from tests.in_process import run_here

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_degree_changes_a_face_more_than_the_one_before(name: str):
    worsen, _, degrees = CONDITIONS[name]
    y, x = np.mgrid[:48, :48]
    face = np.uint8(128 + 60 * np.sin(x / 3) * np.cos(y / 4))
    changes = []
    for degree in degrees:
        worse = worsen(face, degree, np.random.default_rng(1))
        assert worse.shape == face.shape and worse.dtype == np.uint8
        changes.append(float(np.abs(worse.astype(int) - face).mean()))
    if name in ("rotation", "shifted crop"):  # a pattern that repeats may come back to itself
        assert min(changes) > 1
    else:
        assert changes == sorted(changes) and changes[0] > 0


def test_the_temperature_is_found_that_made_the_labels():
    torch.manual_seed(0)
    logits = torch.randn(20_000, 7) * 2
    labels = torch.distributions.Categorical(logits=logits).sample()
    assert fit_temperature(logits, labels) == pytest.approx(1, rel=0.05)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.05)


def test_groups_are_those_of_the_table(tmp_path: Path):
    faces = Faces(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.arange(3), ["a.png", "b.png", "c.png"])
    (tmp_path / "groups.csv").write_text("face,group\na.png,old\nc.png,old\nc.png,tall\nother.png,old\n")
    groups = read_groups(tmp_path / "groups.csv", faces)
    assert {name: places.tolist() for name, places in groups.items()} == {"old": [0, 2], "tall": [2]}


def test_a_model_is_measured_under_all_conditions(tmp_path: Path):
    write_folder(tmp_path / "faces", train=14, val=70, test=7, seed=1, size=48)
    names = sorted(path.relative_to(tmp_path / "faces") for path in (tmp_path / "faces/val").rglob("*.png"))
    rows = "".join(f"{name},{'even' if place % 2 else 'odd'}\n" for place, name in enumerate(names))
    (tmp_path / "groups.csv").write_text("face,group\n" + rows)
    arguments = ["mini_xception", "data=image_folder", "data.path=faces", "hydra.run.dir=run"]
    output = run_here(robustness.main, *arguments, "groups=groups.csv", folder=tmp_path)
    found = json.loads((tmp_path / "run/robustness.json").read_text())
    assert found["faces"] == 70 and list(found["conditions"]) == list(CONDITIONS)
    assert found["conditions"]["noise"][-1]["accuracy"] < found["accuracy"]
    assert {name: group["faces"] for name, group in found["groups"].items()} == {"even": 35, "odd": 35}
    total = sum(group["accuracy"] * group["faces"] for group in found["groups"].values())
    assert total == pytest.approx(70 * found["accuracy"])
    assert found["calibration"]["temperature"] > 0 and "group even" in output
    for picture in ("robustness.png", "reliability.png"):
        assert cv2.imread(str(tmp_path / "run" / picture)) is not None
    for wrong, said in (("split=train", "must be val or test"), ("groups=gone.csv", "no table of groups")):
        assert said in run_here(robustness.main, *arguments, wrong, folder=tmp_path, status=2)


def test_a_machine_is_measured_in_one_table(tmp_path: Path):
    output = run_here(benchmark.main, "seconds=0.01", folder=tmp_path)
    accuracy = load_classifier("mini_xception").info.metrics["val"]["accuracy"]
    for row in (
        f"mini_xception, 1 at a time, CPU | 56,951 | val {100 * accuracy:.1f}%",
        "convolutional, a frame",
        "convolutional and mini_xception, a frame",
    ):
        assert f"| {row} | " in output
    assert "left out: there is no model file yunet.onnx" in output
    assert "make no scene" in run_here(benchmark.main, "width=8", folder=tmp_path, status=2)
