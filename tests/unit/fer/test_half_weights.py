"""Models whose weights are stored in 16 bits: half as large, the same to whoever uses them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from cascade.drawn.renderer import render_face
from cascade.errors import ModelError
from fer.checkpoint import load_network
from fer.export import export
from fer.inference.classifier import load_classifier
from tests.inference_models import write_checkpoint

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow  # exporting a network takes seconds

NETWORK = {"_target_": "fer.models.small_resnet.SmallResNet"}
FACES = np.stack([render_face(0, index).image for index in range(8)])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("half") / "last.ckpt", config=NETWORK)


def test_files_are_half_as_large_and_say_the_same(checkpoint: Path):
    whole, half = (checkpoint.with_name(f"{name}.onnx") for name in ("whole", "half"))
    export(checkpoint, whole, 1e-5)
    _, apart = export(checkpoint, half, 1e-5, half=True)
    assert apart < 1e-5  # from the rounded network
    for suffix in (".onnx", ".ckpt"):
        sizes = [path.with_suffix(suffix).stat().st_size for path in (half, whole)]
        assert 0.45 < sizes[0] / sizes[1] < 0.55
    model = onnx.load(half)
    onnx.checker.check_model(model)
    kinds = {weights.data_type for weights in model.graph.initializer if len(weights.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}
    said, before = (load_classifier(path).probabilities(FACES) for path in (half, whole))
    np.testing.assert_allclose(said, before, atol=0.01)
    assert not np.array_equal(said, before)


def test_weights_beside_the_model_are_those_of_the_model_and_stay_small(checkpoint: Path):
    half = checkpoint.with_name("kept.onnx")
    export(checkpoint, half, 1e-5, half=True)
    weights = load_network(half.with_suffix(".ckpt"))
    assert all(value.dtype != torch.float16 for value in weights.state_dict().values())
    np.testing.assert_allclose(
        load_classifier(half.with_suffix(".ckpt")).probabilities(FACES),
        load_classifier(half).probabilities(FACES),
        atol=1e-5,
    )
    before = half.read_bytes()
    export(half.with_suffix(".ckpt"), half, 1e-5)
    assert half.read_bytes() == before


def test_weights_that_are_too_large_for_16_bits_are_named(checkpoint: Path):
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.head.weight"][0, 0] = 1e6
    torch.save(content, large := checkpoint.with_name("large.ckpt"))
    with pytest.raises(ModelError, match=r"16 bits are too few for head\.weight"):
        export(large, checkpoint.with_name("large.onnx"), 1e-5, half=True)
