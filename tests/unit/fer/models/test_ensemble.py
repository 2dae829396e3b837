"""Trained networks that judge together, as one network: `python -m fer.ensemble`."""

from dataclasses import replace

import numpy as np
import pytest

from cascade.drawn.renderer import render_face
from cascade.errors import ModelError
from fer.checkpoint import build_network, load_network, save_network
from fer.ensemble import main as ensemble_main
from fer.export import to_onnx
from fer.inference.classifier import load_classifier
from fer.preprocessing import Preprocessing
from tests.in_process import run_here
from tests.inference_models import write_checkpoint

SMALL = {"_target_": "fer.models.small_resnet.SmallResNet", "stem": 4, "widths": [4, 8, 8], "blocks": [1, 1, 1]}
OTHER = SMALL | {"widths": [4, 8, 12]}
XCEPTION = {"_target_": "fer.models.mini_xception.MiniXception"}
FACES = np.stack([render_face(0, index).image for index in range(3)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    for name, config in (("one", SMALL), ("other", OTHER), ("xception", XCEPTION)):
        write_checkpoint(folder / f"{name}.ckpt", config=config)
    write_checkpoint(folder / "large.ckpt", Preprocessing(size=64), config=SMALL)
    moods = Preprocessing(classes=("calm", "tense"))
    write_checkpoint(folder / "moods.ckpt", moods, config=SMALL)
    return folder


def _gathered(folder, *members, status=0, **more):
    output = more.pop("output", "together.ckpt")
    overrides = [f"{name}={value}" for name, value in more.items()]
    members = f"members=[{','.join(members)}]"
    return run_here(ensemble_main, members, f"output={output}", *overrides, folder=folder, status=status)


def _probabilities(path, faces=FACES):
    return load_classifier(path).probabilities(faces)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("members", [["one", "other", "xception"], ["xception"]], ids=["three", "one"])
def test_it_says_the_mean_of_what_its_members_say(folder, members, mirrored):
    output = _gathered(folder, *(f"{name}.ckpt" for name in members), mirrored=mirrored)
    assert "train=false ckpt_path=together.ckpt" in output
    views = [FACES, np.ascontiguousarray(FACES[..., ::-1])] if mirrored else [FACES]
    single = [_probabilities(folder / f"{name}.ckpt", view) for name in members for view in views]
    np.testing.assert_allclose(_probabilities(folder / "together.ckpt"), np.mean(single, axis=0), atol=1e-6)


@pytest.mark.slow
def test_it_is_exported_and_explained_as_any_network(folder):
    pytest.importorskip("onnxscript")
    pytest.importorskip("captum")
    from fer.inference.explain import Explainer

    _gathered(folder, "xception.ckpt", "other.ckpt", mirrored=True, output="both.ckpt")
    wanted = _probabilities(folder / "both.ckpt")
    (folder / "both.onnx").write_bytes(to_onnx(load_network(folder / "both.ckpt")))
    for count in (1, 3):
        np.testing.assert_allclose(_probabilities(folder / "both.onnx", FACES[:count]), wanted[:count], atol=1e-5)
    maps = Explainer(load_classifier(folder / "both.ckpt")).grad_cam(FACES, np.zeros(3, np.int64))
    assert maps.shape == FACES.shape and maps.max() == 1


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([], "members must be one checkpoint or more"),
        (["one.ckpt", "gone.ckpt"], "no checkpoint at"),
        (["one.ckpt", "large.ckpt"], "preprocessing.size is 64 in large.ckpt and 48 in one.ckpt"),
        (["one.ckpt", "moods.ckpt"], "preprocessing.classes is ('calm', 'tense') in moods.ckpt"),
        (["one.ckpt", "nested.ckpt"], "an ensemble cannot be a member of another one"),
        (["one.ckpt"] * 65, "model.members"),
    ],
)
def test_what_cannot_judge_together_is_refused(folder, members, said):
    _gathered(folder, "one.ckpt", "other.ckpt", output="nested.ckpt")
    (folder / "kept.ckpt").write_bytes(b"before")
    output = _gathered(folder, *members, output="kept.ckpt", status=2)
    assert said in output and "Traceback" not in output
    assert (folder / "kept.ckpt").read_bytes() == b"before"


def test_nothing_is_replaced_by_mistake(folder):
    before = (folder / "one.ckpt").read_bytes()
    assert "choose another output" in _gathered(folder, "one.ckpt", output="one.ckpt", status=2)
    assert "overwrite=true" in _gathered(folder, "other.ckpt", output="one.ckpt", overwrite="false", status=2)
    assert (folder / "one.ckpt").read_bytes() == before


def test_a_file_that_describes_no_ensemble_is_refused(folder):
    """Members are built as networks of files are: of our own classes alone."""
    config = {"_target_": "fer.models.ensemble.Ensemble", "size": 48, "members": [{"_target_": "torch.nn.Identity"}]}
    with pytest.raises(ModelError, match=r"must name a network class in fer\.models"):
        build_network(config)
    _gathered(folder, "one.ckpt", output="alone.ckpt")
    alone = load_network(folder / "alone.ckpt")
    network = alone.info.network
    alone.info = replace(alone.info, network=network | {"members": [OTHER]})
    save_network(alone, folder / "wrong.ckpt")
    with pytest.raises(ModelError, match="do not fit"):
        load_network(folder / "wrong.ckpt")
