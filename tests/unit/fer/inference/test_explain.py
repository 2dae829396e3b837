import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cascade.drawn.renderer import render_face
from cascade.errors import ModelError
from fer.checkpoint import LoadedNetwork, load_network, save_network
from fer.crop import Crop
from fer.inference.classifier import CheckpointClassifier, load_classifier
from fer.inference.explain import Explainer, overlay
from fer.inference.faces import Face


def test_an_exported_model_is_explained_by_the_weights_beside_it(tmp_path: Path, model: Path, ckpt: Path):
    pytest.importorskip("captum")
    alone = Path(shutil.copy(model, tmp_path / "alone.onnx"))
    with pytest.raises(ModelError, match=r"alone\.ckpt is not there"):
        Explainer(load_classifier(alone))
    shutil.copy(model.with_suffix(".ckpt"), tmp_path / "alone.ckpt")
    faces, labels = np.stack([render_face(0, 1).image]), np.array([3])
    maps = [Explainer(load_classifier(path)).grad_cam(faces, labels) for path in (alone, ckpt)]
    np.testing.assert_array_equal(*maps)
    other = load_network(ckpt)
    save_network(LoadedNetwork(other.network, replace(other.info, epoch=6)), tmp_path / "alone.ckpt")
    with pytest.raises(ModelError, match=r"not what alone\.onnx was exported from"):
        Explainer(load_classifier(alone))


def test_a_heat_map_is_laid_over_its_square_and_nothing_else():
    image = np.full((40, 50, 3), 100, np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[:4] = 1
    overlay(image, heat, -5, 10, 20)
    changed = (image != 100).any(axis=2)
    assert changed[11:17, :15].all()
    assert not changed[:10].any() and not changed[30:].any() and not changed[:, 15:].any()
    overlay(image, heat, 200, 200, 20)  # outside: nothing happens


def test_maps_follow_the_class_and_leave_the_classifier_as_it_was(ckpt: Path):
    pytest.importorskip("captum")
    classifier = CheckpointClassifier(ckpt)
    faces = np.stack([render_face(0, index).image for index in range(3)])
    before = classifier.probabilities(faces)
    explainer = Explainer(classifier)
    first, second = (np.full(3, label, np.int64) for label in (0, 3))
    for method in (explainer.grad_cam, explainer.guided_backpropagation):
        maps = method(faces, first)
        assert maps.shape == (3, 48, 48) and maps.min() >= 0 and maps.max() <= 1
        assert np.abs(maps - method(faces, second)).max() > 0.05
    np.testing.assert_allclose(classifier.probabilities(faces), before, atol=1e-6)
    shares = dict.fromkeys(classifier.info.preprocessing.classes, 0.0)
    (sheet,) = explainer.sheets(faces[0], [Face((0, 0, 48, 48), 1.0, "happy", shares)], Crop())
    assert sheet.shape == (192, 576, 3)
