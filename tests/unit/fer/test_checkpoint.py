import os
import pickle

import pytest
import torch

from cascade.errors import ModelError
from fer.checkpoint import build_network, load_network, metadata, read_checkpoint
from fer.models.mini_xception import MiniXception
from fer.preprocessing import Preprocessing

CONFIG = {"_target_": "fer.models.mini_xception.MiniXception", "num_classes": 7}


def _save(path, **changes):
    weights = {f"network.{name}": value for name, value in MiniXception().state_dict().items()}
    checkpoint = {"fer": metadata(CONFIG, Preprocessing(size=64)), "state_dict": weights, "epoch": 3} | changes
    torch.save(checkpoint, path)
    return path


def test_a_network_comes_back_with_what_it_expects(tmp_path):
    loaded = load_network(_save(tmp_path / "a.ckpt"))
    assert isinstance(loaded.network, MiniXception)
    assert not loaded.network.training
    assert loaded.preprocessing == Preprocessing(size=64)
    assert loaded.epoch == 3
    assert loaded.commit


class _Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path):
    path, trace = tmp_path / "evil.ckpt", tmp_path / "ran"
    torch.save({"state_dict": {}, "hook": _Evil(str(trace))}, path)
    with pytest.raises(ModelError, match=r"evil\.ckpt holds more than weights"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(_Evil(str(trace))))
    with pytest.raises(ModelError, match=r"evil\.ckpt"):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "target",
    ["os.system", "fer.training.run.run", "fer.models.mini_xception.torch.hub.load", "fer.models.nowhere.Net", ""],
)
def test_only_networks_of_fer_models_are_built(target):
    with pytest.raises(ModelError, match=r"fer\.models"):
        build_network({"_target_": target})


def test_wrong_arguments_are_named():
    with pytest.raises(ModelError, match="colour"):
        build_network(CONFIG | {"colour": True})


def test_files_that_are_no_checkpoints(tmp_path):
    with pytest.raises(ModelError, match=r"no checkpoint at .*gone\.ckpt; set ckpt_path"):
        read_checkpoint(tmp_path / "gone.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.ckpt"):
        read_checkpoint(tmp_path / "text.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(ModelError, match=r"not written by this project"):
        read_checkpoint(tmp_path / "foreign.ckpt")
    whole = _save(tmp_path / "whole.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"half\.ckpt"):
        read_checkpoint(tmp_path / "half.ckpt")


def test_weights_of_another_shape_are_refused(tmp_path):
    path = _save(tmp_path / "a.ckpt", state_dict={"network.head.bias": torch.zeros(3)})
    with pytest.raises(ModelError, match="do not fit"):
        load_network(path)
