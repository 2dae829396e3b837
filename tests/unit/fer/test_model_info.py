import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cascade.errors import ModelError
from fer.crop import FER2013_CROP, Crop
from fer.inference.classifier import load_classifier, released_models
from fer.model_info import ModelInfo
from fer.preprocessing import Preprocessing
from tests.conftest import ROOT

FILE = Path("some.onnx")
INFO = ModelInfo(
    Preprocessing(size=64, detail=None, classes=("calm", "tense")),
    Crop(1.2, 0.01, -0.02),
    {"_target_": "fer.models.mini_xception.MiniXception", "widths": [8, 16]},
    "abc",
    7,
    {"val": {"accuracy": 0.5}},
    0.4,
    1234,
)


@pytest.mark.parametrize("info", [INFO, ModelInfo(Preprocessing())])
def test_it_comes_back_from_plain_values_and_from_json(info: ModelInfo):
    assert ModelInfo.read(info.to_dict(), FILE) == info
    assert ModelInfo.read(json.dumps(info.to_dict()), FILE) == info


def test_what_a_later_version_adds_is_passed_over():
    assert ModelInfo.read({**INFO.to_dict(), "licence": "MIT"}, FILE) == INFO


@pytest.mark.parametrize("key", ["preprocessing", "crop", "network", "commit", "epoch", "metrics", "format"])
def test_a_missing_value_is_named_with_the_file(key: str):
    values = INFO.to_dict()
    del values[key]
    with pytest.raises(ModelError, match=rf"some\.onnx .*{key}"):
        ModelInfo.read(values, FILE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preprocessing": 3}, "preprocessing: expected a mapping, got a whole number"),
        ({"preprocessing": {}}, "preprocessing lacks size, detail, mean, std, classes"),
        ({"preprocessing": {"size": "64"}}, "preprocessing.size: expected a whole number, got text"),
        ({"preprocessing": {"size": True}}, "preprocessing.size: expected a whole number, got true or false"),
        ({"preprocessing": {"size": 0}}, "preprocessing.size: expected a whole number >= 1"),
        ({"preprocessing": {"size": 10**6}}, "preprocessing.size: expected a whole number <= 1024"),
        ({"preprocessing": {"detail": -1}}, "preprocessing.detail: expected a whole number >= 1"),
        ({"preprocessing": {"std": 0}}, "preprocessing.std: expected a number >= 1e-06"),
        ({"preprocessing": {"std": math.nan}}, "preprocessing.std"),
        ({"preprocessing": {"classes": []}}, "there are 0 classes"),
        ({"preprocessing": {"classes": ["calm", "calm"]}}, "classes must have names of their own"),
        ({"preprocessing": {"classes": "calm"}}, "preprocessing.classes: expected a list, got text"),
        ({"preprocessing": {"classes": ["calm", 3]}}, r"preprocessing.classes\[1\]: expected text"),
        ({"crop": {"scale": 0}}, "crop.scale: expected a number >= 0.1"),
        ({"crop": {"scale": 1e9}}, "crop.scale: expected a number <= 10.0"),
        ({"crop": {"dx": None}}, "crop.dx: expected a number, got null"),
        ({"crop": {"dy": math.inf}}, "crop.dy"),
        ({"epoch": 1.5}, "epoch: expected a whole number or null, got a number"),
        ({"metrics": []}, "metrics: expected a mapping, got a list"),
        ({"unsure_below": 1.5}, "unsure_below: expected a number <= 1.0"),
        ({"unsure_below": "0.5"}, "unsure_below: expected a number, got text"),
        ({"format": 3}, "has format 3, this version reads 1 and 2"),
    ],
)
def test_a_wrong_value_is_named_with_the_file(change: dict, message: str):
    values = INFO.to_dict()
    for key, value in change.items():
        values[key] = {**values[key], **value} if isinstance(value, dict) and value else value
    with pytest.raises(ModelError, match=rf"some\.onnx .*{message}"):
        ModelInfo.read(values, FILE)


@pytest.mark.parametrize("text", ["", "no json", "3", "null", "[]", "[" * 100_000, '{"format": 2}', "\x00"])
def test_what_is_no_description_is_refused(text: str):
    with pytest.raises(ModelError, match=r"some\.onnx"):
        ModelInfo.read(text, FILE)


@pytest.mark.parametrize(
    "name",
    [
        "x/../../../../ESCAPED/deep",
        "a\\b",
        "",
        " ",
        ".",
        "..",
        "happy ",
        "\x1b[31mred",
        "two\nlines",
        "source",
        "X",
        "Label",
        "unsure",
        "x" * 65,
        "zero\u200bwidth",
        "CON:",
        "what?",
    ],
)
def test_a_class_is_not_called_what_harms_a_terminal_a_table_or_a_folder(name: str):
    values = INFO.to_dict()
    values["preprocessing"]["classes"] = ["calm", name]
    with pytest.raises(ModelError, match=r"some\.onnx .*no class can be called"):
        ModelInfo.read(values, FILE)


@pytest.mark.parametrize("classes", [["calm", "Calm"], ["a"] * 1001])
def test_classes_have_names_of_their_own(classes: list[str]):
    values = INFO.to_dict()
    values["preprocessing"]["classes"] = classes
    with pytest.raises(ModelError, match=r"some\.onnx .*classes"):
        ModelInfo.read(values, FILE)


@pytest.mark.parametrize(
    ("crops", "crop"),
    [
        ({"frontalface_lbp": {"scale": 1.1, "dx": 0.0, "dy": 0.1}, "default": {"scale": 2.0}}, Crop(1.1, 0.0, 0.1)),
        ({"frontalface_lbp": {"scale": 1.1}}, Crop(1.1)),
        ({"default": {"scale": 2.0, "dx": 0.0, "dy": 0.0}}, FER2013_CROP),
    ],
)
def test_an_export_of_format_1_is_read(crops: dict, crop: Crop):
    """It had a crop for each detector."""
    values = {**INFO.to_dict(), "format": 1, "colour": "gray", "crops": crops}
    del values["crop"], values["unsure_below"]
    assert ModelInfo.read(json.dumps(values), FILE) == replace(INFO, crop=crop, unsure_below=0.0)


def test_a_file_of_before_shows_every_label_and_does_not_know_its_parameters():
    values = INFO.to_dict()
    del values["unsure_below"], values["parameters"]
    assert ModelInfo.read(values, FILE) == replace(INFO, unsure_below=0.0, parameters=None)


@pytest.mark.parametrize("name", released_models())
def test_a_released_model_and_its_weights_say_the_same(name: str):
    path = released_models()[name]
    model, weights = load_classifier(name), load_classifier(path.with_suffix(".ckpt"))
    assert model.info == weights.info
    assert model.info.crop == FER2013_CROP
    assert model.info.metrics["val"]["accuracy"] > 0.65
    assert model.info.metrics["val"]["details"]["copies"]["count"] == 462
    assert model.info.parameters == sum(parameter.numel() for parameter in weights.loaded.network.parameters())
    assert 0.3 < model.info.unsure_below == model.info.metrics["val"]["unsure"]["below"] < 0.6
    card = path.with_suffix(".md").read_text()
    assert f"epoch {model.info.epoch}\n" in card and f"than {model.info.unsure_below:.2f} are shown as" in card


def test_describing_a_model_imports_no_torch():
    code = "import sys, fer.model_info, fer.inference.classifier; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
