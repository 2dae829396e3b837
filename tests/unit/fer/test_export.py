"""The command `python -m fer.export`, in this process; what its graphs compute is tested with the classifiers."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from cascade.errors import ModelError, OutputError
from fer import export as command
from fer.card import END, START
from fer.checkpoint import LoadedNetwork, load_network, read_checkpoint
from fer.crop import FER2013_CROP, Crop
from fer.export import export
from fer.inference.classifier import load_classifier, released_models
from fer.model_info import METADATA_KEY
from tests.inference_models import write_checkpoint

pytestmark = pytest.mark.slow  # exporting a network takes seconds

CLASSES = {"angry": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "count": 4}}
UNSURE = {"below": 0.35, "share": 0.25, "accuracy": 0.375, "others": 0.75}
SCORES = {
    "accuracy": 0.5,
    "macro_f1": 0.4,
    "ece": 0.1,
    "count": 8,
    "classes": CLASSES,
    "unsure": UNSURE,
    "confusion": [[1]],
}


RELEASED = released_models()["mini_xception"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder as training leaves it, with the released weights."""
    path = tmp_path / "run (1)" / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True)
    checkpoint = torch.load(RELEASED.with_suffix(".ckpt"), weights_only=True)
    checkpoint["fer"] |= {"metrics": {}}
    torch.save({**checkpoint, "optimizer_states": []}, path)
    (path.parent.parent / "metrics.json").write_text(json.dumps({"val": SCORES, "seed": 0}))
    return path.parent.parent


@pytest.fixture(autouse=True)
def _released_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the seconds that torch's exporter takes: the released graph with the description that is asked for."""

    def described(loaded: LoadedNetwork) -> bytes:
        model = onnx.load(RELEASED)
        onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(loaded.info.to_dict())})
        return model.SerializeToString()

    monkeypatch.setattr(command, "to_onnx", described)


def call(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    """Run the command as the shell does; return its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["fer-export", *arguments])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    try:
        command.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_run_is_exported_with_its_scores_crop_and_card(run: Path, tmp_path: Path, monkeypatch, capsys):
    card = tmp_path / "released" / "model.md"
    card.parent.mkdir()
    card.write_text(f"# Mine\n{START}\n{END}\n")
    ckpt, output = run / "checkpoints" / "best.ckpt", card.with_suffix(".onnx")
    before = ckpt.read_bytes()
    assert call(monkeypatch, tmp_path, str(ckpt), f"output={output}", "crop.scale=1.5", "crop.dy=0.25") == 0
    printed = capsys.readouterr().out
    assert "verified" in printed and "val 50.00%" in printed and f"card  {card}" in printed
    info = load_classifier(output).info
    assert info.crop == Crop(1.5, FER2013_CROP.dx, 0.25)
    assert info.metrics == {"val": {key: value for key, value in SCORES.items() if key != "confusion"}}
    assert info.unsure_below == 0.35 and "unsure  below 0.35" in printed
    assert "**50.00%**" in card.read_text()
    assert sorted(path.name for path in card.parent.iterdir()) == ["model.ckpt", "model.md", "model.onnx"]
    # the weights say the same, and the training's checkpoint is as it was
    assert load_network(output.with_suffix(".ckpt")).info == info
    assert "optimizer_states" not in read_checkpoint(output.with_suffix(".ckpt"))
    assert ckpt.read_bytes() == before

    assert call(monkeypatch, tmp_path, str(ckpt), f"output={output}", "overwrite=false") == 2
    assert "is there already; set overwrite=true" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the checkpoint"),
        (["gone.ckpt"], "no checkpoint at"),
        (["{ckpt}", "output=model.pt"], "output must end in .onnx"),
        (["{ckpt}", "metrics=gone.json"], "metrics cannot be read from gone.json"),
        (["{ckpt}", "crop.scale=0"], "crop: scale must be a number above 0"),
        (["{ckpt}", "crop.margin=1"], "there is no setting crop.margin"),
        (["{ckpt}", "crops=crops.json"], "there is no setting crops; did you mean crop?"),
    ],
)
def test_a_mistake_is_named_and_nothing_written(run: Path, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(command, "to_onnx", lambda *_: pytest.fail("nothing is to be exported"))
    ckpt = run / "checkpoints" / "best.ckpt"
    assert call(monkeypatch, tmp_path, *(argument.replace("{ckpt}", str(ckpt)) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.onnx"))


def test_an_export_replaces_no_other_training(run: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(command, "to_onnx", lambda *_: pytest.fail("nothing is to be exported"))
    training = Path(shutil.copy(run / "checkpoints" / "best.ckpt", tmp_path / "model.ckpt"))
    before = training.read_bytes()
    with pytest.raises(OutputError, match=r"model\.ckpt is a training's checkpoint"):
        export(run / "checkpoints" / "best.ckpt", tmp_path / "model.onnx", 1e-5)
    assert training.read_bytes() == before and not (tmp_path / "model.onnx").exists()


def test_a_model_that_differs_is_not_written(tmp_path: Path):
    folder, other = tmp_path / "out", write_checkpoint(tmp_path / "other.ckpt")
    with pytest.raises(ModelError, match=r"differ from the checkpoint's by up to .* nothing was written"):
        export(other, folder / "model.onnx", 1e-5)
    assert not list(folder.iterdir())


def test_beside_its_checkpoint_nothing_but_the_model_is_written(run: Path):
    ckpt = run / "checkpoints" / "best.ckpt"
    before = ckpt.read_bytes()
    export(ckpt, ckpt.with_suffix(".onnx"), 1e-5)
    assert ckpt.read_bytes() == before
    assert sorted(path.name for path in ckpt.parent.iterdir()) == ["best.ckpt", "best.onnx"]


def test_a_network_alone_is_described_again_in_its_place(run: Path, tmp_path: Path):
    weights = Path(shutil.copy(RELEASED.with_suffix(".ckpt"), tmp_path / "model.ckpt"))
    before = torch.load(weights, weights_only=True)["state_dict"]
    export(weights, tmp_path / "model.onnx", 1e-5, metrics=command.read_metrics(run / "metrics.json"))
    model, after = load_classifier(tmp_path / "model.onnx"), load_network(weights)
    assert model.info == after.info and model.info.unsure_below == 0.35
    assert all(torch.equal(value, before[name]) for name, value in after.state_dict().items())
    # the graph is the released one, bit for bit in what it says
    faces = np.random.default_rng(0).integers(0, 256, (20, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(model.probabilities(faces), load_classifier(RELEASED).probabilities(faces))
    # scores of before there was such a choice change nothing about it
    export(weights, tmp_path / "model.onnx", 1e-5, metrics={"val": {"accuracy": 0.5}})
    assert load_classifier(tmp_path / "model.onnx").info.unsure_below == 0.35
