"""What every network of fer.models promises; a new file there and its config are tested without being named here."""

import re
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import fer.models
from cascade.command import CONFIGS
from cascade.drawn.renderer import render_face
from fer.checkpoint import build_network, load_network, read_checkpoint
from fer.export import to_onnx
from fer.inference.classifier import load_classifier
from fer.preprocessing import Preprocessing
from tests.inference_models import write_checkpoint

NAMES = sorted({module.name for module in iter_modules(fer.models.__path__)} - {"ensemble"})  # of trained networks


def config_of(name: str) -> dict:
    config = OmegaConf.to_container(OmegaConf.load(CONFIGS / "model" / f"{name}.yaml"))
    assert isinstance(config, dict)
    return config


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def network(name: str) -> torch.nn.Module:
    return build_network(config_of(name)).eval()


@pytest.fixture(scope="module")
def checkpoint(name: str, tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp(name) / "best.ckpt", config=config_of(name))


def test_every_network_has_a_config_of_its_name():
    assert sorted(path.stem for path in (CONFIGS / "model").glob("*.yaml")) == NAMES
    for name in NAMES:
        assert config_of(name)["_target_"].startswith(f"fer.models.{name}.")


def test_the_config_tells_the_parameters(name, network):
    stated = re.search(r"([\d,]+) parameters", (CONFIGS / "model" / f"{name}.yaml").read_text())
    assert stated is not None
    assert sum(p.numel() for p in network.parameters()) == int(stated[1].replace(",", ""))


@pytest.mark.parametrize("size", [48, 64])
@torch.no_grad()
def test_faces_become_maps_and_logits(network, size):
    faces = torch.zeros(2, 1, size, size)
    maps = network.forward_features(faces)
    assert maps.ndim == 4 and len(maps) == 2 and 1 < maps.shape[2] < size
    assert network(faces).shape == (2, 7)


@torch.no_grad()
def test_forward_goes_through_the_features_and_the_head(network):
    faces, calls = torch.zeros(1, 1, 48, 48), []
    handle = network.head.register_forward_hook(lambda *_: calls.append("head"))
    features = network.forward_features
    network.forward_features = lambda x: calls.append("features") or features(x)
    assert torch.equal(network(faces), network.forward_head(features(faces)))
    handle.remove()
    del network.forward_features
    assert calls == ["features", "head", "head"]


@torch.no_grad()
def test_the_classes_can_be_others(name):
    network = build_network(config_of(name) | {"num_classes": 3}).eval()
    assert network(torch.zeros(1, 1, 48, 48)).shape == (1, 3)
    assert any(len(parameter) == 3 for parameter in network.head.parameters())


@torch.no_grad()
def test_a_checkpoint_gives_the_network_back(checkpoint):
    loaded = load_network(checkpoint)
    state = read_checkpoint(checkpoint)["state_dict"]
    assert {f"network.{key}" for key in loaded.network.state_dict()} == set(state)
    faces = torch.randn(2, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.network(faces), load_network(checkpoint).network(faces))
    assert (loaded.network(faces[0:1]) - loaded.network(faces[1:])).abs().max() > 1e-3


@pytest.mark.slow
def test_it_can_be_exported(checkpoint):
    pytest.importorskip("onnxscript")
    loaded, path = load_network(checkpoint), checkpoint.with_suffix(".onnx")
    path.write_bytes(to_onnx(loaded))
    faces = np.stack([render_face(0, index).image for index in range(3)])
    model = load_classifier(path)
    assert model.info == loaded.info
    for count in (1, 3):  # batches are of any size
        wanted = load_classifier(checkpoint).probabilities(faces[:count])
        np.testing.assert_allclose(model.probabilities(faces[:count]), wanted, atol=1e-5)


@pytest.mark.slow
def test_it_can_be_explained(checkpoint):
    pytest.importorskip("captum")
    from fer.inference.explain import Explainer

    classifier = load_classifier(checkpoint)
    faces = np.stack([render_face(0, index).image for index in range(2)])
    before = classifier.probabilities(faces)
    explainer = Explainer(classifier)
    for method in (explainer.grad_cam, explainer.guided_backpropagation):
        maps = [method(faces, np.full(2, label)) for label in range(len(Preprocessing().classes))]
        assert all(one.shape == (2, 48, 48) and one.min() >= 0 and one.max() <= 1 for one in maps)
        assert np.ptp(maps, axis=0).max() > 0.05  # another class, another map
    np.testing.assert_allclose(classifier.probabilities(faces), before, atol=1e-6)
