"""Every option of every group composes, and what it describes can be built."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import nn

from fer.checkpoint import build_network
from fer.data.module import FaceDataModule
from fer.training.module import parameter_groups
from tests.conftest import ROOT

CONFIGS = ROOT / "configs"
# The groups of train.yaml; other commands' configs have tests of their own
GROUPS = (
    "data",
    "augmentation",
    "model",
    "optimizer",
    "scheduler",
    "trainer",
    "callbacks",
    "logger",
    "experiment",
    "hparams_search",
    "debug",
)
# Shared by the options beside them, no options themselves
PARTS = {("data", "loading")}
OPTIONS = [
    (group, path.stem)
    for group in GROUPS
    for path in sorted((CONFIGS / group).glob("*.yaml"))
    if (group, path.stem) not in PARTS
]


def _compose(tmp_path: Path, *overrides: str):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose("train", [*overrides, f"hydra.runtime.output_dir={tmp_path}"], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config


@pytest.fixture(autouse=True)
def _no_hydra_left_behind():
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None


def test_every_group_has_options():
    assert {group for group, _ in OPTIONS} == set(GROUPS)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_instantiates(group, option, tmp_path):
    config = _compose(tmp_path, f"{group}={option}")
    for key in ("data", "model", "optimizer", "scheduler", "trainer", "callbacks", "logger"):
        OmegaConf.to_container(config[key], resolve=True, throw_on_missing=False)
    # Building a Trainer for hardware that is not here is an error of its own
    hardware = ["trainer.accelerator=cpu"] if (group, option) == ("trainer", "gpu") else []
    votes = ["data.votes_path=votes.csv"] if "votes_path" in config.data and not config.data.votes_path else []
    config = _compose(tmp_path, f"{group}={option}", *hardware, *votes)

    data = instantiate(config.data)
    assert isinstance(data, FaceDataModule)
    assert data.preprocessing.size == config.data.image_size
    network = build_network(OmegaConf.to_container(config.model, resolve=True))
    assert isinstance(network, nn.Module)
    optimizer = instantiate(config.optimizer)(parameter_groups(network))
    entry = instantiate(config.scheduler)(optimizer, total_steps=10)
    assert "scheduler" in entry
    callbacks = [instantiate(entry) for entry in config.callbacks.values() if entry is not None]
    assert all(isinstance(callback, Callback) for callback in callbacks)
    assert any(isinstance(callback, Checkpoint) for callback in callbacks)
    loggers = [instantiate(entry) for entry in config.logger.values()]
    assert loggers or option == "none"
    if config.trainer.strategy == "auto":
        trainer = instantiate(config.trainer, logger=False, callbacks=[], enable_progress_bar=False)
        assert isinstance(trainer, Trainer)


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
    assert config.scheduler.monitor == "val/loss"


def test_a_users_own_settings_are_picked_up_when_they_exist(tmp_path):
    assert _compose(tmp_path).data.path != "/mine/f.csv"
    (tmp_path / "local").mkdir()
    (tmp_path / "local/default.yaml").write_text("# @package _global_\ndata:\n  path: /mine/f.csv\n")
    config = _compose(tmp_path, f"hydra.searchpath=['file://{tmp_path}']")
    assert config.data.path == "/mine/f.csv"
