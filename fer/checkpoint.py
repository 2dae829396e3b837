"""Checkpoints: reading one without running its code, rebuilding its network, and writing a network alone."""

import importlib
import inspect
import pickle
import subprocess
import warnings
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cascade.errors import ModelError
from cascade.files import whole
from fer.model_info import METADATA_KEY, ModelInfo


class LoadedNetwork(nn.Module):
    """A network in evaluation mode with what its checkpoint says of it, `info`: from bytes to probabilities.

    Its weights have the names that they have in a checkpoint, those of training's module.
    """

    def __init__(self, network: nn.Module, info: ModelInfo) -> None:
        super().__init__()
        self.network = network
        self.info = info
        self.preprocessing = info.preprocessing
        self.eval()

    def forward(self, faces: Tensor) -> Tensor:
        """Gray faces, uint8 (N, 1, size, size), to probabilities, float32 (N, classes), rows summing to 1."""
        return torch.softmax(self.network(self.preprocessing.normalise(faces.float())), dim=1)


def build_network(config: dict[str, Any]) -> nn.Module:
    """Instantiate a network from `_target_` and plain arguments.

    Raises:
        ModelError: not a class that a module of `fer.models` defines, as a checkpoint from a stranger must not
            choose what runs; one that breaks the contract of `fer.models`; or arguments that it does not take.
    """
    arguments = dict(config)
    target = str(arguments.pop("_target_", ""))
    module_name, _, class_name = target.rpartition(".")
    network_class: Any = None
    if module_name.startswith("fer.models."):
        with suppress(ImportError):
            network_class = getattr(importlib.import_module(module_name), class_name, None)
    own = isinstance(network_class, type) and network_class.__module__ == module_name
    if not (own and issubclass(network_class, nn.Module)):
        raise ModelError(f"model._target_ must name a network class in fer.models, not {target!r}")
    try:
        network: nn.Module = network_class(**arguments)
    except TypeError as error:
        raise ModelError(f"{target} cannot be built from {arguments}: {error}") from error
    has = {
        "a constructor that takes num_classes": "num_classes" in inspect.signature(network_class).parameters,
        "a method forward_features": callable(getattr(network, "forward_features", None)),
        "a module head": isinstance(getattr(network, "head", None), nn.Module),
    }
    if missing := [part for part, there in has.items() if not there]:
        raise ModelError(f"{target} is no network as fer/models/__init__.py wants them; it lacks {', '.join(missing)}")
    return network


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of this project onto the CPU, weights and plain values only.

    Returns:
        What the file holds; under the key `fer` a `ModelInfo`.

    Raises:
        ModelError: if it is missing, no checkpoint, unsafe, or not one of this project's.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"no checkpoint at {path.absolute()}; set ckpt_path to a .ckpt file of a run's folder")
    try:
        # The warnings are about pickles that torch did not write; they are refused here or below
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path} holds more than weights and plain values, perhaps code, or is damaged") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a checkpoint, or is damaged: {error}") from error
    if not isinstance(checkpoint, dict) or METADATA_KEY not in checkpoint:
        raise ModelError(f"{path} was not written by this project's train.py: its '{METADATA_KEY}' entry is missing")
    values = checkpoint[METADATA_KEY]
    if isinstance(values, dict) and values.get("epoch") is None and isinstance(checkpoint.get("epoch"), int):
        values = {**values, "epoch": checkpoint["epoch"] + 1}  # Lightning's, which counts from 0
    return {**checkpoint, METADATA_KEY: ModelInfo.read(values, path)}


def load_network(path: str | Path) -> LoadedNetwork:
    """Rebuild the network of a checkpoint; with averaged weights where training averaged them.

    Raises:
        ModelError: if the file is not a checkpoint of this project.
    """
    checkpoint = read_checkpoint(path)
    info: ModelInfo = checkpoint[METADATA_KEY]
    loaded = LoadedNetwork(build_network(info.network), info)
    state = checkpoint.get("state_dict", {})
    try:
        loaded.load_state_dict({name: value for name, value in state.items() if name.startswith("network.")})
    except RuntimeError as error:
        raise ModelError(f"the weights in {path} do not fit {info.network['_target_']}: {error}") from error
    return loaded


def save_network(loaded: LoadedNetwork, path: Path) -> None:
    """Write a network alone, which `load_network` reads and no training can be resumed from; whole or not at all."""
    # into an open file: given a path, torch writes its name inside, too
    with whole(path) as part, part.open("wb") as file:
        torch.save({"state_dict": dict(loaded.state_dict()), METADATA_KEY: loaded.info.to_dict()}, file)


def can_resume(checkpoint: dict[str, Any]) -> bool:
    """Whether training can go on from a checkpoint: not from one that `save_network` wrote."""
    return "optimizer_states" in checkpoint


def source_commit() -> str:
    """The commit this code stands at, `-dirty` if it was changed; the package's version outside its clone."""
    root = Path(__file__).resolve().parents[1]
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    with suppress(OSError, subprocess.CalledProcessError):
        if (root / ".git").exists():  # not some other project's, around the environment that this is installed in
            return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    with suppress(PackageNotFoundError):
        return f"v{version('fer-cascade')}"
    return "unknown"
