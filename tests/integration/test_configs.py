"""Every option of every group composes, and what it describes can be built."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import Checkpoint

from fer.checkpoint import build_network
from fer.training.module import parameter_groups
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

CONFIGS = ROOT / "configs"
# Shared by the options beside them, no options themselves
PARTS = {CONFIGS / "data" / "base" / "loading.yaml", CONFIGS / "detector" / "base" / "cascade.yaml"}
# The folders of the commands' own configs
FOLDERS = (CONFIGS, CONFIGS / "cascade")
COMMANDS = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]


def _groups(command: Path) -> set[str]:
    """The groups that a command's defaults choose from."""
    entries = [entry for entry in OmegaConf.load(command).get("defaults", []) if isinstance(entry, DictConfig)]
    return {str(key).removeprefix("optional ").removeprefix("override ") for entry in entries for key in entry}


def _options() -> Iterator[tuple[Path, str, str]]:
    """Command, group and option of every other file; of a group that no command chooses from, the command is none."""
    for path in sorted(CONFIGS.rglob("*.yaml")):
        if path in COMMANDS or path in PARTS:
            continue
        folder = FOLDERS[1] if path.is_relative_to(FOLDERS[1]) else FOLDERS[0]
        group = path.parent.relative_to(folder).as_posix()
        users = [command for command in COMMANDS if command.parent == folder and group in _groups(command)]
        train_first = sorted(users, key=lambda command: command.stem != "train")
        yield train_first[0] if users else Path("none"), group, path.stem


TRAIN = CONFIGS / "train.yaml"
OPTIONS = list(_options())
TRAINING = [(group, option) for command, group, option in OPTIONS if command == TRAIN and group != "hydra"]
OTHERS = [(command, group, option) for command, group, option in OPTIONS if command != TRAIN or group == "hydra"]


def _import_schemas() -> None:
    for package in ("cascade", "fer"):
        for path in (ROOT / package).rglob("*.py"):
            if "ConfigStore" in path.read_text():
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def _compose(tmp_path: Path, *overrides: str, command: Path = TRAIN):
    with initialize_config_dir(str(command.parent), version_base="1.3"):
        changes = [*overrides, f"hydra.runtime.output_dir={tmp_path}"]
        config = compose(command.stem, changes, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config


def _targets(node: object) -> Iterator[DictConfig]:
    """Everything below a node that describes an object."""
    if isinstance(node, ListConfig):
        for value in node:
            yield from _targets(value)
    elif isinstance(node, DictConfig):
        if "_target_" in node:
            yield node
        for key in node:
            if not OmegaConf.is_missing(node, key):
                yield from _targets(node[key])


@pytest.fixture(autouse=True)
def _no_hydra_left_behind():
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


def test_every_group_belongs_to_a_command():
    assert [group for command, group, _ in OPTIONS if not command.is_file()] == []
    assert {"data", "loss", "trainer", "experiment"} <= {group for group, _ in TRAINING}


@pytest.mark.parametrize(
    ("command", "group", "option"),
    [*((command, None, None) for command in COMMANDS), *OTHERS],
    ids=lambda value: value.relative_to(CONFIGS).as_posix() if isinstance(value, Path) else str(value),
)
def test_commands_and_their_options_compose_and_describe_what_can_be_made(command, group, option, tmp_path):
    _import_schemas()
    config = _compose(tmp_path, *([f"{group}={option}"] if group else []), command=command)
    del config.hydra
    OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    for node in _targets(config):
        made = get_object(node._target_)
        names = [str(key) for key in node if not str(key).startswith("_")]
        inspect.signature(made).bind_partial(**dict.fromkeys(names))
        if not OmegaConf.missing_keys(node):
            instantiate(node, _partial_=True)


@pytest.mark.parametrize(("group", "option"), TRAINING)
def test_option_of_training_composes_and_instantiates(group, option, tmp_path):
    # Building a Trainer for hardware that is not here is an error of its own
    config = _compose(tmp_path, f"{group}={option}")
    if config.trainer.accelerator == "gpu":
        config.trainer.accelerator = "cpu"
    if "ImageFolder" in str(config.data):  # which has its classes of what is there
        config.data.path = str(tmp_path / "pictures")
        for name in ("1", "2"):
            (tmp_path / "pictures" / name).mkdir(parents=True)
            (tmp_path / "pictures" / name / "a.png").touch()
    data = instantiate(config.data)
    assert data.preprocessing.size == config.data.image_size
    network = build_network({**OmegaConf.to_container(config.model, resolve=True), "num_classes": 7})
    optimizer = instantiate(config.optimizer)(parameter_groups(network))
    entry = instantiate(config.scheduler)(optimizer, total_steps=10)
    assert "scheduler" in entry
    logits, labels = torch.zeros(2, 7), torch.tensor([0, 6])
    teacher = [logits.log_softmax(dim=1)] if "Distillation" in str(config.loss) else []
    assert instantiate(config.loss)(logits, labels, torch.zeros(2, 1, 48, 48), *teacher).ndim == 0
    callbacks = [instantiate(entry) for entry in config.callbacks.values() if entry is not None]
    assert all(isinstance(callback, Callback) for callback in callbacks)
    assert any(isinstance(callback, Checkpoint) for callback in callbacks)
    loggers = [instantiate(entry) for entry in config.logger.values()]
    assert loggers or option == "none"
    if config.trainer.strategy == "auto":
        instantiate(config.trainer, logger=False, callbacks=[], enable_progress_bar=False)


def test_the_monitored_metric_is_set_once(tmp_path):
    config = _compose(tmp_path, "monitor=val/loss", "mode=min", "callbacks=early_stopping")
    assert config.callbacks.checkpoints.monitor == "val/loss"
    assert config.callbacks.early_stopping.mode == "min"


def test_a_search_never_sees_the_test_split(tmp_path):
    assert _compose(tmp_path, "hparams_search=optuna").test is False


def test_the_papers_recipe_is_the_papers(tmp_path):
    config = _compose(tmp_path, "experiment=paper_mini_xception")
    assert (config.data.image_size, config.data.batch_size) == (64, 32)
    assert config.optimizer._target_ == "torch.optim.Adam"
    assert config.callbacks.early_stopping.patience == 50
    assert config.callbacks.ema is None
    assert config.loss.label_smoothing == 0.0
    assert config.scheduler.monitor == "val/loss"


def test_a_users_own_settings_are_picked_up_when_they_exist(tmp_path):
    assert _compose(tmp_path).data.path != "/mine/f.csv"
    (tmp_path / "local").mkdir()
    (tmp_path / "local/default.yaml").write_text("# @package _global_\ndata:\n  path: /mine/f.csv\n")
    config = _compose(tmp_path, f"hydra.searchpath=['file://{tmp_path}']")
    assert config.data.path == "/mine/f.csv"
