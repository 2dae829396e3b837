"""Classes of one's own, from a folder of pictures to their names on a photograph, as the README says it."""

import csv
import json
import shutil
from collections import Counter

import pytest

from cascade.drawn.writers import write_folder, write_scenes
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

MOODS = {"happy": "keen", "sad": "bored", "surprise": "puzzled"}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twenty pictures each of three moods to learn from, and as many of other people."""
    folder = tmp_path_factory.mktemp("moods")
    write_folder(folder / "drawn", train=420, val=7, test=420, seed=5, size=48)
    for expression, mood in MOODS.items():
        for split, out in (("train", "moods"), ("test", "others/train"), ("test", "others/val")):
            (folder / out / mood).mkdir(parents=True)
            for path in sorted((folder / "drawn" / split / expression).iterdir())[:20]:
                shutil.copy(path, folder / out / mood)
    return folder


def test_three_moods_are_learned_exported_and_found(drawn, commands):
    run, output = commands.train(
        "run", "experiment=own_classes", f"data.path={drawn / 'moods'}", "trainer.max_epochs=20", tiny=False
    )
    assert "20 bored, 20 keen, 20 puzzled" in output and "6 faces to validate on" in output
    evaluation = ["train=false", f"ckpt_path={run}/checkpoints/best.ckpt", "data=image_folder"]
    judged, _ = commands.train("judged", *evaluation, f"data.path={drawn / 'others'}", tiny=False)
    scores = json.loads((judged / "metrics.json").read_text())["val"]
    assert scores["accuracy"] > 0.8, scores  # of other people; a third by chance, three quarters without init_from
    two = drawn / "two"
    for mood in ("keen", "puzzled"):
        for split in ("train", "val"):
            shutil.copytree(drawn / "others/val" / mood, two / split / mood)
    fewer, _ = commands.train("fewer", *evaluation, f"data.path={two}", tiny=False)
    assert json.loads((fewer / "metrics.json").read_text())["val"]["accuracy"] > 0.7  # labels are told by their names
    _, output = commands.train("more", *evaluation, f"data.path={drawn / 'drawn'}", tiny=False, status=2)
    assert "the model knows bored, keen, puzzled, and the data has angry" in output

    commands.run("-m", "fer.export", f"ckpt_path={run}/checkpoints/best.ckpt")
    write_scenes(commands.folder / "scenes", count=2, seed=3)
    found = commands.folder / "found"
    model = f"classifier={run}/checkpoints/best.onnx"
    commands.run(str(ROOT / "detect.py"), "scenes", model, "unsure_below=0", f"hydra.run.dir={found}")
    with (found / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]][-3:] == ["bored", "keen", "puzzled"]
    joined = [f"pipeline.classifier={run}/checkpoints/best.onnx", "pipeline.colour=true", "pipeline.optional=false"]
    commands.run("-m", "fer.export", "pipeline.detector=convolutional", *joined)  # what the page in web/ runs
    described = json.loads((commands.folder / "pipeline.json").read_text())
    assert described["classes"] == ["bored", "keen", "puzzled"] and described["colours"] == {}
    assert set(Counter(row["label"] for row in rows)) <= set(MOODS.values()) and len(rows) > 3


def test_mistakes_with_a_start_are_told(drawn, commands):
    data = ["data=image_folder", f"data.path={drawn / 'moods'}"]
    for arguments, said in (
        (["init_from=nope.ckpt"], "no checkpoint at"),
        (["init_from=mini_xception", "model=resnet18"], "init_from is of another network"),
        (["init_from=mini_xception", "ckpt_path=x"], "no checkpoint at"),
        (["+model.num_classes=5"], "model.num_classes is the data's to say: it has 3 classes"),
    ):
        _, output = commands.train("wrong", *data, *arguments, tiny=False, status=2)
        assert said in output and "Traceback" not in output
