"""What helps a network to learn and folds away: of it the exported model and its weights have nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cascade.drawn.renderer import render_face
from fer.checkpoint import load_network
from fer.export import export
from fer.inference.classifier import load_classifier
from tests.inference_models import write_checkpoint

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow  # exporting a network takes seconds

NETWORK = {"_target_": "fer.models.mini_xception.MiniXception", "depthwise_norm": True}
FACES = np.stack([render_face(0, index).image for index in range(8)])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("folded") / "last.ckpt", config=NETWORK)


def test_model_and_weights_are_the_network_without_norms_of_depthwise_convolutions(checkpoint: Path):
    model = checkpoint.with_name("plain.onnx")
    before = checkpoint.read_bytes()
    info, apart = export(checkpoint, model, 1e-5)
    assert apart < 1e-5 and info.parameters == 56_951 and info.network["depthwise_norm"] is False
    weights = load_network(model.with_suffix(".ckpt"))
    assert sum(parameter.numel() for parameter in weights.parameters()) == 56_951
    assert weights.info == load_classifier(model).info == info
    wanted = load_classifier(checkpoint).probabilities(FACES)
    assert wanted.std(axis=0).max() > 0.01
    for path in (model, model.with_suffix(".ckpt")):
        np.testing.assert_allclose(load_classifier(path).probabilities(FACES), wanted, atol=1e-5)
    assert checkpoint.read_bytes() == before


def test_weights_of_16_bits_are_rounded_after_folding(checkpoint: Path):
    model = checkpoint.with_name("half.onnx")
    _, apart = export(checkpoint, model, 1e-5, half=True)
    assert apart < 1e-5  # from the folded, rounded network
    content = torch.load(model.with_suffix(".ckpt"), weights_only=True)["state_dict"]
    assert {value.dtype for value in content.values() if value.ndim > 1} == {torch.float16}
    wanted = load_classifier(checkpoint).probabilities(FACES)
    np.testing.assert_allclose(load_classifier(model).probabilities(FACES), wanted, atol=0.01)
