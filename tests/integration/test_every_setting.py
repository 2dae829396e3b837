"""Every setting of every command: what cannot be is refused with its name before anything is made of it."""

import importlib
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, StringNode, open_dict
from omegaconf.errors import OmegaConfBaseException

from cascade.checked import check_config
from cascade.command import CONFIGS
from cascade.errors import ConfigError
from cascade.evaluation.choice import build_detectors
from fer.training.limits import LIMITS

for module in ("cascade.evaluate", "cascade.prepare", "cascade.tools", "cascade.train", "fer.data.audit", "fer.detect"):
    importlib.import_module(module)  # which store what their configs are composed from
for module in ("fer.ensemble", "fer.export", "fer.inference.join", "fer.teach", "fer.train"):
    importlib.import_module(module)

TRAINING = ("data", "augmentation", "model", "loss", "optimizer", "scheduler", "trainer", "callbacks", "logger")
OPTIONS = [
    ("detect", []),
    *(("detect", [f"detector={path.stem}"]) for path in sorted((CONFIGS / "detector").glob("*.yaml"))),
    ("train", []),
    *(("train", [f"{group}={path.stem}"]) for group in TRAINING for path in sorted((CONFIGS / group).glob("*.yaml"))),
    ("export", []),
    ("audit", []),
    ("teach", []),
    ("ensemble", ["members=[x]", "output=x"]),
    ("join", ["folders=x"]),
    ("label", []),
    ("benchmark", []),
    ("robustness", ["ckpt_path=x"]),
    ("cascade/evaluate", ["truth=x"]),
    ("cascade/prepare", ["negatives=x"]),
    ("cascade/train", ["samples=x"]),
    ("cascade/train", ["samples=x", "trainer=convolutional"]),
    ("cascade/tools", []),
    *(("cascade/draw", [f"draw={path.stem}", "out=x"]) for path in sorted((CONFIGS / "cascade/draw").glob("*.yaml"))),
]

ANYTHING = {
    "detect": {"source"},
    "label": {"source"},
    "robustness": {"augmentation"},
    "audit": {"augmentation"},
    "teach": {"augmentation"},
    "train": {
        "augmentation",
        "logger",
        "callbacks.early_stopping",
        "trainer.max_time",
        "trainer.profiler",
        "data.folders",
    },
    "join": {"folders", "output"},
    "cascade/evaluate": {"category", "settings"},
    "cascade/prepare": {"positives", "annotations", "ignore"},
    "cascade/train": {"experiment", "trainer"},
    "cascade/draw": {"out"},
}
"""What may be of several kinds, or of any, and is looked at by what it is for."""

BELOW_ZERO = {"trainer.max_steps", "trainer.devices", "options.acceptanceRatioBreakValue", "box_adjustment"}
BELOW_ZERO |= {"crop.dx", "crop.dy", "trainer.limit_train_batches", "trainer.limit_val_batches"}
"""What may be, or is refused by Lightning."""


def composed(command: str, overrides: list[str]) -> DictConfig:
    folder, _, name = command.rpartition("/")
    with initialize_config_dir(str(CONFIGS / folder), version_base="1.3"):
        config = compose(name, [*overrides, "hydra.runtime.output_dir=x"], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    OmegaConf.set_readonly(config, False)
    with open_dict(config):
        del config.hydra
    return config


def walked(command: str, overrides: list[str], config: DictConfig) -> Iterator[str]:
    """The settings that an option is about: those of its group, where others are walked without it; or all."""
    groups = tuple(f"{override.partition('=')[0]}." for override in overrides if command in ("train", "detect"))
    free = ANYTHING.get(command, set())
    for key in leaves(config):
        if key.startswith(groups or "") and not any(key == one or key.startswith(f"{one}.") for one in free):
            yield key


def leaves(node: Any, prefix: str = "") -> Iterator[str]:
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            yield from leaves(child, f"{prefix}{key}.")
        elif not str(key).startswith("_"):
            yield f"{prefix}{key}"


def takes_text(config: DictConfig, key: str) -> bool:
    """Whether OmegaConf makes a text of whatever is set."""
    node = OmegaConf.select(config, key.rpartition(".")[0]) if "." in key else config
    return isinstance(node._get_node(key.rpartition(".")[2]), StringNode)


def refusal(config: DictConfig, key: str, value: Any) -> str | None:
    """What is said of a value, None where it is taken."""
    changed = config.copy()
    OmegaConf.set_struct(changed, False)
    try:
        OmegaConf.update(changed, key, value, merge=False)
        check_config(changed, LIMITS)
    except (ConfigError, OmegaConfBaseException) as error:
        return str(error)
    return None


@pytest.mark.parametrize(("command", "overrides"), OPTIONS, ids=str)
def test_values_of_a_wrong_kind_are_refused_with_their_key(command: str, overrides: list[str]):
    config = composed(command, overrides)
    check_config(config, LIMITS)
    for key in walked(command, overrides, config):
        name = key.rpartition(".")[2]
        for value in ({"no": "such"}, math.nan):
            said = refusal(config, key, value)
            if value is not math.nan or not takes_text(config, key):
                assert said is not None and name in said, (key, value, said)


@pytest.mark.parametrize(("command", "overrides"), OPTIONS, ids=str)
def test_numbers_out_of_range_are_refused_with_their_key(command: str, overrides: list[str]):
    config = composed(command, overrides)
    for key in walked(command, overrides, config):
        value = OmegaConf.select(config, key, throw_on_missing=False) if "hydra:" not in str(key) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not any(key == one or key.startswith(f"{one}.") for one in BELOW_ZERO):
            said = refusal(config, key, -7)
            assert said is not None and key.rpartition(".")[2] in said, (key, said)


@pytest.mark.parametrize("settings", [{"scale_factor": 1}, {"min_neighbors": "many"}, {"equalize": {"no": "such"}}])
def test_settings_of_detectors_side_by_side_are_refused_with_their_key(settings: dict[str, Any]):
    (key,) = settings
    with pytest.raises(ConfigError, match=f"alt2.{key} is"):
        build_detectors(["alt2"], settings)
