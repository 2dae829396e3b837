"""From drawn scenes to a convolutional cascade that finds faces in others, through the commands."""

import csv
import json
import re
import shutil
from importlib.util import find_spec

import cv2
import numpy as np
import onnx
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from cascade import ConvolutionalDetector, evaluate, prepare, train
from cascade.boxes import iou
from cascade.command import CONFIGS
from cascade.drawn.scenes import render_scene
from cascade.drawn.writers import write_chips, write_scenes
from cascade.evaluation.matching import match
from cascade.samples.image_annotations import plain_entry
from cascade.training.trainer import Inputs, Observer
from tests.in_process import run_here

pytestmark = pytest.mark.slow
FASTER = [
    "options.scan.channels=[8,8,16]",
    "options.scan.deep=[32]",
    "options.scan.rounds=2",
    "options.scan.steps=300",
    "options.scan.batch=96",
    "options.looks.coarse.channels=[8,16,32]",
    "options.looks.coarse.rounds=2",
    "options.looks.coarse.steps=300",
    "options.looks.coarse.batch=96",
    "~options.looks.fine",
]
BRIEF = {"rounds": 2, "steps": 30, "batch": 16, "rate": 4e-3, "recall": 0.9, "final_recall": 0.9}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder that `cascade.prepare` made, of drawn scenes and chips."""
    folder = tmp_path_factory.mktemp("drawn")
    write_scenes(folder / "scenes", 120, 1, width=320, height=240, n_faces=4, min_size=24)
    write_chips(folder / "chips", 150, 60, 1)
    run_here(
        prepare.main,
        f"positives=[{folder}/scenes,{folder}/chips]",
        f"annotations=[{folder}/scenes/scenes.dat,{folder}/chips/positives.dat]",
        f"negatives={folder}/chips/negatives",
        "held_out=0",
        folder=folder,
    )
    return folder / "outputs/samples/faces"


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    settings = [*FASTER, f"samples={samples}", "name=drawn", "options.workers=0", "options.threads=1"]
    printed = run_here(train.main, "trainer=convolutional", *settings, folder=folder)
    return folder / "outputs/cascade/drawn", printed


@pytest.mark.timeout(600)
def test_finds_faces_in_other_scenes(trained):
    folder, printed = trained
    assert "detector.onnx: 2 stages" in printed
    detector = ConvolutionalDetector(folder)
    found = wrong = faces = 0
    for index in range(30):
        scene = render_scene(2, index, 640, 480, n_faces=5, min_size=26)
        entry = plain_entry("scene", [face.box for face in scene.faces])
        claims = match(detector.detect(scene.image), entry, 0.4)
        found, wrong, faces = found + (claims >= 0).sum(), wrong + (claims < 0).sum(), faces + len(entry)
    assert found / faces > 0.9 and wrong < 0.05 * faces, (found, wrong, faces)


@pytest.mark.timeout(600)
def test_is_written_anew_in_8_bits(trained, samples):
    folder, _ = trained
    whole, image = ConvolutionalDetector(folder), render_scene(2, 0, 640, 480, n_faces=5, min_size=26).image
    before, content = whole.detect(image), (folder / "detector.onnx").read_bytes()
    settings = [*FASTER, f"samples={samples}", "name=drawn", "options.workers=0", "options.threads=1"]
    try:
        run_here(train.main, "trainer=convolutional", *settings, "options.int8=true", folder=folder.parents[2])
        after = ConvolutionalDetector(folder).detect(image)
        kinds = {one.data_type for one in onnx.load(folder / "detector.onnx").graph.initializer if len(one.dims) == 4}
        assert kinds == {onnx.TensorProto.INT8}
    finally:
        run_here(train.main, "trainer=convolutional", *settings, folder=folder.parents[2])
    assert (folder / "detector.onnx").read_bytes() == content
    assert len(before) and (iou(before.boxes, after.boxes).max(axis=1) > 0.7).all()


def test_evaluates_beside_others(trained, samples, tmp_path):
    folder, _ = trained
    write_scenes(tmp_path / "scenes", 8, 3, width=320, height=240)
    arguments = [f"truth={tmp_path}/scenes/scenes.dat", f"detectors=[{folder},alt2]", "speed.images=0"]
    run_here(evaluate.main, *arguments, f"hydra.run.dir={tmp_path}/told", folder=tmp_path)
    told = json.loads((tmp_path / "told/results.json").read_text())["detectors"]
    assert list(told) == ["drawn", "alt2"] and told["drawn"]["average_precision"] > 0.8


def small(**changes):
    """Options of a training of seconds."""
    config = OmegaConf.load(CONFIGS / "cascade/trainer/convolutional.yaml").options
    config.scan.update(BRIEF | {"channels": [8, 8], "deep": [16]})
    config.scan.channels = [8, 8, 16]
    config.looks.coarse.update(BRIEF | {"channels": [8, 16], "hidden": 16})
    del config.looks.fine
    config.update({"workers": 0, "threads": 1, "precision": "32-true", "fewest": 0, "held_out": 0.2} | changes)
    return instantiate(config, _convert_="all")


class Interrupt(Observer):
    """Stops a training when something is told for the so-manieth time."""

    def __init__(self, what, after):
        self.what, self.left = what, after

    def update(self, stage, activity):
        self.left -= self.what in activity
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("what", "after"),
    [
        ("round 2 of 2: batch", 1),
        ("round 2 of 2: searching", 1),
        ("round 1 of 2: searching", 1),
        ("round 1 of 2: batch", 2),
    ],
)
def test_what_is_resumed_ends_as_if_it_had_not_been_stopped(samples, tmp_path, what, after, monkeypatch):
    from cascade.convolutional import learning
    from cascade.convolutional.trainer import ConvolutionalTrainer

    monkeypatch.setattr(learning, "EPOCH", 10)
    pictures = tmp_path / "few.dat"
    pictures.write_text("".join((samples / "positives.dat").read_text().splitlines(keepends=True)[:40]))
    shutil.copytree(samples / "positives", tmp_path / "positives")
    negatives = sorted((samples / "negatives").iterdir())[:20]
    inputs = Inputs(samples / "positives.vec", samples / "bg.txt", (21, 24), 40, negatives, pictures=pictures)
    whole = ConvolutionalTrainer(small()).train(inputs, tmp_path / "whole", [])
    trainer = ConvolutionalTrainer(small())
    with pytest.raises(KeyboardInterrupt):
        trainer.train(inputs, tmp_path / "stopped", [Interrupt(what, after)])
    resumed = trainer.train(inputs, tmp_path / "stopped", [])
    first, second = (
        torch.load(folder / "stage1.pt", weights_only=True) for folder in (whole.model.parent, resumed.model.parent)
    )
    assert first["threshold"] == second["threshold"]
    assert all(torch.equal(value, second["network"][name]) for name, value in first["network"].items())


def test_faces_among_the_negatives_are_named(trained, samples, tmp_path):
    """A detector that knows faces tells those that lie among the negatives of another training."""
    from cascade.convolutional.mining import look
    from cascade.convolutional.scenes import Scene
    from cascade.convolutional.suspects import write_suspects
    from cascade.convolutional.trainer import _Run

    folder, _ = trained
    config = OmegaConf.load(folder / "config.yaml").options
    run = _Run(instantiate(config, _convert_="all"), [Scene(np.zeros((9, 9), np.uint8))] * 3, folder, [])
    scene = render_scene(5, 0, 320, 240, n_faces=1, min_size=60)
    cv2.imwrite(str(tmp_path / "crowd.png"), scene.image)
    scenes = [Scene(path) for path in (tmp_path / "crowd.png", *sorted((samples / "negatives").iterdir())[:5])]
    graph = run._graph(2)
    said = write_suspects(tmp_path, scenes, look(graph, scenes, 20, 100), (1.0, 0.0), graph.aspect)
    assert "crowd.png" in said
    with (tmp_path / "suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["file"] == str(tmp_path / "crowd.png") and float(rows[0]["score"]) > 0.9
    assert (tmp_path / "suspects.png").is_file()


def test_without_positives_or_negatives_nothing_begins(samples, tmp_path):
    for number, (name, message) in enumerate(
        (("positives.dat", "positives.dat names no images"), ("bg.txt", "No picture that .* can be used"))
    ):
        copy = shutil.copytree(samples, tmp_path / str(number))
        (copy / name).write_text("")
        arguments = ["trainer=convolutional", f"samples={copy}", "name=none"]
        printed = run_here(train.main, *arguments, folder=tmp_path, status=2)
        assert re.search(message, printed), printed
    assert not any((tmp_path / "outputs/cascade/none").glob("*"))


def test_without_torch_the_extra_is_named(monkeypatch, samples, tmp_path):
    monkeypatch.setattr("cascade.command.find_spec", lambda name: None if name == "torch" else find_spec(name))
    printed = run_here(train.main, "trainer=convolutional", f"samples={samples}", folder=tmp_path, status=2)
    assert "torch" in printed and ".[export]" in printed and "Traceback" not in printed
