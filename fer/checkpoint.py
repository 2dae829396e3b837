"""What a checkpoint says about itself, and loading a network from one without running its code."""

import importlib
import os
import pickle
import subprocess
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cascade.errors import ModelError
from fer.preprocessing import Preprocessing

METADATA_KEY = "fer"
_FORMAT = 1


@dataclass(frozen=True)
class LoadedNetwork:
    """A network from a checkpoint, in evaluation mode, with what it expects and where it came from."""

    network: nn.Module
    config: dict[str, Any]
    preprocessing: Preprocessing
    commit: str
    epoch: int


def metadata(network_config: dict[str, Any], preprocessing: Preprocessing) -> dict[str, Any]:
    """Return what a checkpoint needs beside its weights, in plain values."""
    return {
        "format": _FORMAT,
        "network": network_config,
        "preprocessing": preprocessing.to_dict(),
        "commit": source_commit(),
    }


def build_network(config: dict[str, Any]) -> nn.Module:
    """Instantiate a network from `_target_` and plain arguments.

    Only classes inside `fer.models` are built: a checkpoint from a stranger must not choose what runs.

    Raises:
        ModelError: for any other target, or arguments that it does not take.
    """
    arguments = dict(config)
    target = str(arguments.pop("_target_", ""))
    module_name, _, class_name = target.rpartition(".")
    network_class: Any = None
    if module_name.startswith("fer.models."):
        try:
            network_class = getattr(importlib.import_module(module_name), class_name, None)
        except ImportError:
            network_class = None
    if not (isinstance(network_class, type) and issubclass(network_class, nn.Module)):
        raise ModelError(f"model._target_ must name a network class in fer.models, not {target!r}")
    try:
        network: nn.Module = network_class(**arguments)
    except TypeError as error:
        raise ModelError(f"{target} cannot be built from {arguments}: {error}") from error
    return network


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of this project onto the CPU, weights and plain values only.

    Raises:
        ModelError: if it is missing, no checkpoint, unsafe, or not one of this project's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"no checkpoint at {path.absolute()}; set ckpt_path to a .ckpt file of a run's folder")
    try:
        with warnings.catch_warnings():
            # About pickles that torch did not write; they are refused below or here
            warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than weights and plain values, or is damaged; it was not loaded, because "
            f"loading could run its code"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a checkpoint, or is damaged: {error}") from error
    if not isinstance(checkpoint, dict) or METADATA_KEY not in checkpoint:
        raise ModelError(f"{path} was not written by this project's train.py: its '{METADATA_KEY}' entry is missing")
    if checkpoint[METADATA_KEY].get("format") != _FORMAT:
        raise ModelError(f"{path} has format {checkpoint[METADATA_KEY].get('format')}, this version reads {_FORMAT}")
    return checkpoint


def load_network(path: str | Path) -> LoadedNetwork:
    """Rebuild the network of a checkpoint; with averaged weights where training averaged them.

    Raises:
        ModelError: if the file is not a checkpoint of this project.
    """
    checkpoint = read_checkpoint(path)
    about = checkpoint[METADATA_KEY]
    network = build_network(about["network"])
    prefix = "network."
    weights = {name.removeprefix(prefix): v for name, v in checkpoint["state_dict"].items() if name.startswith(prefix)}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"the weights in {path} do not fit {about['network']['_target_']}: {error}") from error
    return LoadedNetwork(
        network=network.eval(),
        config=about["network"],
        preprocessing=Preprocessing.from_dict(about["preprocessing"]),
        commit=about["commit"],
        epoch=checkpoint["epoch"],
    )


def save_network(loaded: LoadedNetwork, path: Path) -> None:
    """Write a network alone, without optimizer or progress: what `load_network` reads, and no more.

    The file appears only when it is complete. Training can not be resumed from it.
    """
    about = metadata(loaded.config, loaded.preprocessing) | {"commit": loaded.commit}
    weights = {f"network.{name}": value for name, value in loaded.network.state_dict().items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    torch.save({"epoch": loaded.epoch, "state_dict": weights, METADATA_KEY: about}, temporary)
    temporary.replace(path)


def can_resume(checkpoint: dict[str, Any]) -> bool:
    """Whether training can go on from a checkpoint: not from one that `save_network` wrote."""
    return "optimizer_states" in checkpoint


def source_commit() -> str:
    """The commit this code stands at, `-dirty` if it was changed; the package version outside git."""
    root = Path(__file__).resolve().parents[1]
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        try:
            return f"v{version('fer-cascade')}"
        except PackageNotFoundError:
            return "unknown"
    return described.stdout.strip()
