"""The cascades that ship with the project, and what their reports say of them."""

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest
from omegaconf import OmegaConf

from cascade import CascadeDetector
from cascade.boxes import iou
from cascade.command import CONFIGS
from cascade.detectors.names import released_cascades
from cascade.opencv.options import TrainOptions

CASCADES = released_cascades(".xml")
each = pytest.mark.parametrize("name", sorted(CASCADES))


def _report(name):
    return json.loads(CASCADES[name].with_suffix(".json").read_text(encoding="utf-8"))


def test_there_is_one_and_none_hides_one_of_opencv():
    assert CASCADES
    opencv = {path.stem for path in Path(cv2.data.haarcascades).glob("*.xml")}
    assert not {f"haarcascade_{name}" for name in CASCADES} & opencv


@each
def test_it_finds_the_face_of_a_photograph_first(name, astronaut, astronaut_face):
    found = CascadeDetector(name).detect(astronaut)
    assert len(found) >= 1
    assert iou(found.boxes[:1], astronaut_face)[0, 0] > 0.4


@each
def test_its_report_is_of_this_very_file(name):
    report = _report(name)
    cascade = ET.parse(CASCADES[name]).getroot().find("cascade")
    assert report["sha256"] == hashlib.sha256(CASCADES[name].read_bytes()).hexdigest()
    assert report["stages"] == int(cascade.findtext("stageNum")) == len(cascade.find("stages"))
    assert report["weak_trees"] == sum(len(stage.find("weakClassifiers")) for stage in cascade.find("stages"))
    assert report["window"] == [int(cascade.findtext("width")), int(cascade.findtext("height"))]
    assert report["window"] == list(CascadeDetector(name).window)
    assert cascade.findtext("featureType") == report["options"]["featureType"]


@each
def test_its_experiment_trains_with_the_reported_options(name):
    experiment = OmegaConf.load(CONFIGS / "cascade" / "experiment" / f"{name}.yaml")
    options = asdict(TrainOptions(**experiment.options))
    # where it is trained, not what is trained
    local = {"numThreads", "precalcValBufSize", "precalcIdxBufSize"}
    assert {key: options[key] for key in options if key not in local} == {
        key: value for key, value in _report(name)["options"].items() if key not in local
    }
