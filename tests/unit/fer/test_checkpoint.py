import os
import pickle

import pytest
import torch
from torch import nn

from cascade.errors import ModelError
from fer.checkpoint import (
    begin_from,
    build_network,
    can_resume,
    load_network,
    missing_state,
    network_difference,
    read_checkpoint,
    save_network,
    source_commit,
)
from fer.crop import FER2013_CROP
from fer.model_info import ModelInfo
from fer.models import mini_xception
from fer.models.mini_xception import MiniXception
from fer.preprocessing import Preprocessing

CONFIG = {"_target_": "fer.models.mini_xception.MiniXception", "num_classes": 7}


def _save(path, **changes):
    weights = {f"network.{name}": value for name, value in MiniXception().state_dict().items()}
    info = ModelInfo(Preprocessing(size=64), network=CONFIG, commit=source_commit())
    torch.save({"fer": info.to_dict(), "state_dict": weights, "epoch": 3} | changes, path)
    return path


def test_a_network_comes_back_with_what_it_expects(tmp_path):
    loaded = load_network(_save(tmp_path / "a.ckpt"))
    assert isinstance(loaded.network, MiniXception)
    assert not loaded.network.training
    assert loaded.preprocessing == loaded.info.preprocessing == Preprocessing(size=64)
    assert loaded.info.network == CONFIG
    assert loaded.info.epoch == 4  # Lightning counts from 0
    assert loaded.info.commit


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
    [
        "os.system",
        "fer.training.experiment.run_experiment",
        "fer.models.mini_xception.torch.hub.load",
        "fer.models.nowhere.Net",
        "fer.models.resnet18.BasicBlock",
        "fer.models.mini_xception._max_pool_same",
        "",
    ],
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


@pytest.mark.parametrize("lost", ["num_classes", "forward_features", "forward_head", "head"])
def test_what_a_network_lacks_of_the_contract_is_named(monkeypatch, lost):
    class Network(nn.Module):
        def __init__(self, num_classes=7):
            super().__init__()
            if lost != "head":
                self.head = nn.Linear(1, num_classes)

        def forward_features(self, x):
            return x

        forward_head = forward_features

    if lost == "num_classes":
        Network.__init__ = lambda self: nn.Module.__init__(self) or setattr(self, "head", nn.Linear(1, 7))
    if lost in vars(Network):
        delattr(Network, lost)
    Network.__module__ = mini_xception.__name__
    monkeypatch.setattr(mini_xception, "Network", Network, raising=False)
    with pytest.raises(ModelError, match=rf"lacks a[^,]* {lost}$"):
        build_network({"_target_": "fer.models.mini_xception.Network"})


def test_a_network_alone_cannot_be_resumed_from_and_says_the_same(tmp_path):
    loaded = load_network(_save(tmp_path / "a.ckpt", optimizer_states=[]))
    assert can_resume(read_checkpoint(tmp_path / "a.ckpt"))
    for name in ("b", "c"):
        save_network(loaded, tmp_path / f"{name}.ckpt")
    assert (tmp_path / "b.ckpt").read_bytes() == (tmp_path / "c.ckpt").read_bytes()
    assert not can_resume(read_checkpoint(tmp_path / "b.ckpt"))
    assert load_network(tmp_path / "b.ckpt").info == loaded.info


def test_a_checkpoint_of_format_1_is_read(tmp_path):
    """Epochs from 0, and no word of a crop."""
    preprocessing = {"size": 64, "detail": 48, "mean": 0.5, "std": 0.5, "classes": list("abcdefg")}
    about = {"format": 1, "network": CONFIG, "preprocessing": preprocessing, "commit": "abc"}
    info = load_network(_save(tmp_path / "old.ckpt", fer=about)).info
    assert (info.epoch, info.commit, info.crop, info.metrics) == (4, "abc", FER2013_CROP, {})
    assert info.preprocessing == Preprocessing(size=64, classes=tuple("abcdefg"))


@pytest.mark.parametrize(
    ("about", "message"),
    [(3, "expected a mapping, got a whole number"), ({"format": 9}, "format 9, this version reads 1 and 2")],
)
def test_a_checkpoint_that_is_described_otherwise_is_refused(tmp_path, about, message):
    with pytest.raises(ModelError, match=rf"a\.ckpt .*{message}"):
        load_network(_save(tmp_path / "a.ckpt", fer=about))


@pytest.mark.parametrize(
    "kind",
    [
        lambda weight: weight.to(torch.float8_e4m3fn),
        lambda weight: weight.to(torch.complex64),
        lambda weight: weight.to(torch.int64),
        lambda weight: weight > 0,
        lambda weight: weight.to_sparse(),
        lambda weight: weight.to("meta"),
        lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
    ],
    ids=["float8", "complex", "int", "bool", "sparse", "nowhere", "quantised"],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_weights_of_another_kind_are_refused(tmp_path, kind):
    weights = {f"network.{name}": value for name, value in MiniXception().state_dict().items()}
    weights["network.stem.0.weight"] = kind(weights["network.stem.0.weight"])
    path = _save(tmp_path / "a.ckpt", state_dict=weights)
    with pytest.raises(ModelError, match=r"a\.ckpt"):
        load_network(path)


def test_half_precision_is_a_kind_of_weights(tmp_path):
    weights = {f"network.{name}": value for name, value in MiniXception().state_dict().items()}
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    loaded = load_network(_save(tmp_path / "a.ckpt", state_dict=halves))
    assert {value.dtype for value in loaded.state_dict().values() if value.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("arguments", [{"num_classes": "x"}, {"num_classes": 0}, {"stem": -1}, {"foo": 5}])
def test_a_file_that_describes_no_network_is_named(tmp_path, arguments, capfd):
    info = ModelInfo(Preprocessing(size=64), network={**CONFIG, **arguments}, commit="x")
    with pytest.raises(ModelError, match=r"a\.ckpt describes no network that can be built"):
        load_network(_save(tmp_path / "a.ckpt", fer=info.to_dict()))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "broken",
    [
        {"rng_state": None}, {"rng_state": torch.zeros(3)}, {"loops": {}}, {"optimizer_states": []},
        {"optimizer_states": "x"}, {"lr_schedulers": None}, {"FaceDataModule": 5}, {"pytorch-lightning_version": 5},
        {"state_dict": {}},
    ],
)  # fmt: skip
def test_a_state_without_a_part_is_told(broken):
    whole = {
        "rng_state": torch.get_rng_state(),
        "loops": {"a": 1},
        "optimizer_states": [{}],
        "lr_schedulers": [{}],
        "FaceDataModule": {"epoch": 1},
        "pytorch-lightning_version": "2.6",
        "state_dict": {"a": 1},
    }
    assert missing_state(whole) == ""
    assert missing_state(whole | broken) == next(iter(broken))


def test_a_network_of_other_classes_begins_with_the_weights_of_a_trained_one(tmp_path):
    trained = load_network(_save(tmp_path / "a.ckpt"))
    config = {**CONFIG, "num_classes": 3}
    network, fresh = build_network(config), build_network(config)
    network.load_state_dict(fresh.state_dict())
    begin_from(network, config, ("happy", "bored", "angry"), trained)
    ours, theirs, before = (one.state_dict() for one in (network, trained.network, fresh))
    for name, value in ours.items():
        if not name.startswith("head."):
            assert torch.equal(value, theirs[name]), name
    places = {name: trained.preprocessing.classes.index(name) for name in ("happy", "angry")}
    for at, expected in (
        (0, theirs["head.weight"][places["happy"]]),
        (1, before["head.weight"][1]),
        (2, theirs["head.weight"][places["angry"]]),
    ):
        assert torch.equal(ours["head.weight"][at], expected)
    with pytest.raises(ModelError, match=r"another network .* stem 8 there, 16 here"):
        begin_from(network, {**config, "stem": 16}, ("a", "b", "c"), trained)


def test_of_a_head_of_several_layers_the_last_alone_has_a_row_per_class(tmp_path):
    trained = load_network(_save(tmp_path / "a.ckpt"))
    network = build_network(CONFIG | {"num_classes": 3})
    hidden = nn.Linear(128, 5)
    trained.network.head = nn.Sequential(hidden, nn.Linear(5, 7))
    network.head = nn.Sequential(nn.Linear(128, 5), nn.Linear(5, 3))
    begin_from(network, CONFIG | {"num_classes": 3}, ("happy", "x", "y"), trained)
    assert torch.equal(network.head[0].weight, hidden.weight) and torch.equal(network.head[0].bias, hidden.bias)
    place = trained.preprocessing.classes.index("happy")
    assert torch.equal(network.head[1].weight[0], trained.network.head[1].weight[place])


def test_arguments_that_a_description_leaves_out_are_the_defaults():
    spelled = {"stem": 8, "widths": [16, 32, 64, 128], "depthwise_norm": False}
    assert network_difference(CONFIG, CONFIG | spelled) == network_difference(CONFIG | spelled, CONFIG) == ""
    assert network_difference(CONFIG, CONFIG | {"depthwise_norm": True}) == "depthwise_norm False there, True here"
    other = {"_target_": "fer.models.small_resnet.SmallResNet"}
    assert "_target_ fer.models.small_resnet.SmallResNet there, fer.models.mini_xception" in network_difference(
        other, CONFIG
    )
