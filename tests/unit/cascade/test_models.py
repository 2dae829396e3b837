"""The detectors that ship with the project, and what their reports say of them."""

import hashlib
import json
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path

import cv2
import pytest
from omegaconf import OmegaConf

from cascade import CascadeDetector, ConvolutionalDetector
from cascade.boost.options import Options
from cascade.boxes import iou
from cascade.command import CONFIGS
from cascade.detectors.names import released_cascades

CASCADES = released_cascades(".xml")
NETWORKS = released_cascades(".onnx")
each = pytest.mark.parametrize("name", sorted(CASCADES))


def _report(path):
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


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
    report = _report(CASCADES[name])
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
    options = asdict(Options(**experiment.options))
    # where it is trained, not what is trained
    local = {"threads", "memory"}
    assert {key: options[key] for key in options if key not in local} == {
        key: value for key, value in _report(CASCADES[name])["options"].items() if key not in local
    }


def test_the_default_network_is_there():
    assert "convolutional" in NETWORKS


@pytest.mark.parametrize("name", sorted(NETWORKS))
class TestNetworks:
    def test_finds_the_face_of_a_photograph_and_nothing_else(self, name, astronaut, astronaut_face):
        found = ConvolutionalDetector(name).detect(astronaut)
        assert len(found) == 1 and iou(found.boxes, astronaut_face)[0, 0] > 0.6

    def test_finds_small_faces_and_large_ones(self, name, astronaut, astronaut_face):
        for factor in (0.5, 0.7, 2.5, 6):
            image = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            found = ConvolutionalDetector(name).detect(image)
            assert len(found) and iou(found.boxes[:1], astronaut_face * factor)[0, 0] > 0.5

    def test_its_report_is_of_this_very_file(self, name):
        path, report = NETWORKS[name], _report(NETWORKS[name])
        assert report["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert report["bytes"] == path.stat().st_size < 1_500_000
        info = ConvolutionalDetector(name).info
        assert (report["stages"], report["window"], report["name"]) == (info.stages, list(info.window), info.name)
        assert report["data"] and report["limits"]

    def test_its_config_trains_with_the_reported_options(self, name):
        """The defaults are those of the released training; where it ran and what it looks for is not told by them."""
        defaults = OmegaConf.to_container(OmegaConf.load(CONFIGS / "cascade/trainer/convolutional.yaml").options)
        free = {"threshold", "smallest", "max_windows", "accelerator", "precision", "workers", "threads", "memory"}
        reported = _report(NETWORKS[name])["options"]

        def plain(options):
            kept = {key: value for key, value in options.items() if not key.startswith("_") and key not in free}
            return {key: plain(value) if isinstance(value, dict) else value for key, value in kept.items()}

        reported.pop("stages")
        assert plain(defaults) == plain(reported)
