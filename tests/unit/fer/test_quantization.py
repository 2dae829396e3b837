"""Models that compute in 8 bits: the same faces read alike, from a smaller file."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from cascade.drawn.renderer import render_face
from cascade.errors import ModelError
from fer import export as command
from fer.checkpoint import load_network
from fer.export import export
from fer.inference.classifier import load_classifier, released_models
from fer.one_graph import join
from tests.in_process import run_here

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow  # exporting a network takes seconds

CHECKPOINT = released_models()["small_resnet"].with_suffix(".ckpt")
DRAWN = np.stack([render_face(0, index).image for index in range(64)])
CONVOLUTIONS = 13


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[Path, float]:
    """The released residual network in 8 bits, by drawn faces, and how far it is from its checkpoint."""
    path = tmp_path_factory.mktemp("int8") / "model.onnx"
    _, apart = export(CHECKPOINT, path, 0.02, faces=DRAWN)
    return path, apart


def test_faces_are_read_as_by_the_checkpoint_but_for_rounding(exported):
    path, apart = exported
    model, checkpoint = (load_classifier(one).probabilities(DRAWN) for one in (path, CHECKPOINT))
    difference = np.abs(model - checkpoint)[1::2].mean()
    assert 1e-4 < difference < 0.02 and difference == pytest.approx(apart, rel=1e-3)
    assert (model.argmax(axis=1) == checkpoint.argmax(axis=1)).mean() >= 0.9


def test_convolutions_compute_in_8_bits_and_the_last_layer_in_32(exported):
    model = onnx.load(exported[0])
    onnx.checker.check_model(model)
    assert [opset.domain for opset in model.opset_import] == [""]
    kinds = [weights.data_type for weights in model.graph.initializer if len(weights.dims) == 4]
    assert kinds == CONVOLUTIONS * [onnx.TensorProto.INT8]
    # of weights 7 bits are used, so that no processor's sums overflow
    weights = [onnx.numpy_helper.to_array(one) for one in model.graph.initializer if len(one.dims) == 4]
    assert max(np.abs(one.astype(int)).max() for one in weights) <= 64
    assert exported[0].stat().st_size < 0.6 * released_half_size()
    assert model.graph.node[-1].op_type == "Softmax" and model.graph.node[-2].op_type == "Gemm"


def released_half_size() -> int:
    """Bytes of the weights in 16 bits."""
    return 2 * sum(value.numel() for value in load_network(CHECKPOINT).state_dict().values())


def test_the_same_faces_give_the_same_file_and_weights_beside_it_keep_their_bits(exported, tmp_path: Path):
    export(CHECKPOINT, tmp_path / "again.onnx", 0.02, faces=DRAWN)
    assert (tmp_path / "again.onnx").read_bytes() == exported[0].read_bytes()
    weights, before = (load_network(path).state_dict() for path in (tmp_path / "again.ckpt", CHECKPOINT))
    assert all(torch.equal(weights[name], value) for name, value in before.items())


def test_a_model_that_8_bits_spoil_is_not_written(tmp_path: Path):
    with pytest.raises(ModelError, match=r"differ from the checkpoint's by a mean of .* nothing was written"):
        export(CHECKPOINT, tmp_path / "model.onnx", 1e-6, faces=DRAWN)
    assert not list(tmp_path.iterdir())


def test_it_joins_a_detector(exported, tmp_path: Path):
    detector = Path(command.find_cascade("convolutional", ".onnx"))
    count, apart = join(detector, load_classifier(exported[0]), tmp_path / "pipeline.onnx", False, True)
    assert count and apart < 1e-4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"ckpt_path={CHECKPOINT}", "output=model.onnx", "data.path=gone.csv"], "gone.csv"),
        (["pipeline.detector=convolutional", "output=model.onnx"], "half and int8 are of a checkpoint's export"),
    ],
)
def test_a_mistake_is_named_and_nothing_written(tmp_path: Path, arguments: list[str], message: str):
    assert message in run_here(command.main, *arguments, "int8=true", folder=tmp_path, status=2)
    assert not list(tmp_path.iterdir())


def test_the_command_takes_faces_of_the_data_and_the_file_is_scored_itself(tmp_path: Path):
    from fer import train

    arguments = [f"ckpt_path={CHECKPOINT}", "output=model.onnx", "int8=true", "data=synthetic", "data.train_size=48"]
    output = run_here(command.main, *arguments, folder=tmp_path)
    assert "only 48 faces tell the ranges" in output and "on average" in output
    assert "measure this file: python train.py train=false ckpt_path=model.onnx" in output
    judged = ["train=false", "ckpt_path=model.onnx", "data=synthetic", "data.val_size=64", "hydra.run.dir=run"]
    run_here(train.main, *judged, f"against={CHECKPOINT}", folder=tmp_path)
    scores = json.loads((tmp_path / "run/metrics.json").read_text())
    assert scores["checkpoint"].endswith("model.onnx")
    assert scores["val"]["count"] == 64 and "against" in scores
