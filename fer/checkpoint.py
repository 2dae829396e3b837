"""Checkpoints: reading one without running its code, rebuilding its network, and writing a network alone."""

import importlib
import inspect
import pickle
import subprocess
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from cascade.checked import check_values
from cascade.convolutional.pytorch import save
from cascade.errors import ConfigError, ModelError
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


_STARTS = b"PK\x03\x04", b"\x80"
"""Of what torch writes, and wrote once: archives and pickles."""


def build_network(config: dict[str, Any], device: str = "cpu") -> nn.Module:
    """Instantiate a network from `_target_` and plain arguments; on the device `meta` it has shapes, but no weights.

    Raises:
        ModelError: not a class that a module of `fer.models` defines, as a checkpoint from a stranger must not
            choose what runs; one that breaks the contract of `fer.models`; or arguments that it does not take.
    """
    arguments = dict(config)
    target = str(arguments.pop("_target_", ""))
    network_class = _network_class(target)
    lacks = f"{target} is no network as fer/models/__init__.py wants them; it lacks"
    if "num_classes" not in inspect.signature(network_class).parameters:
        raise ModelError(f"{lacks} a constructor that takes num_classes")
    for method in ("forward_features", "forward_head"):
        if not callable(getattr(network_class, method, None)):
            raise ModelError(f"{lacks} a method {method}")
    try:
        check_values(network_class, arguments, "model.")
        with torch.device(device):
            network: nn.Module = network_class(**arguments)
    except ConfigError as error:
        raise ModelError(str(error)) from error
    except (TypeError, ValueError, RuntimeError, MemoryError, OverflowError, ArithmeticError, LookupError) as error:
        raise ModelError(f"{target} cannot be built from {arguments}: {_first_line(error)}") from error
    if not isinstance(getattr(network, "head", None), nn.Module):
        raise ModelError(f"{lacks} a module head")
    return network


def _network_class(target: str) -> type[nn.Module]:
    module_name, _, class_name = target.rpartition(".")
    network_class: Any = None
    if module_name.startswith("fer.models."):
        with suppress(ImportError):
            network_class = getattr(importlib.import_module(module_name), class_name, None)
    own = isinstance(network_class, type) and network_class.__module__ == module_name
    if not (own and issubclass(network_class, nn.Module)):
        raise ModelError(f"model._target_ must name a network class in fer.models, not {target!r}")
    return cast("type[nn.Module]", network_class)


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
    with path.open("rb") as file:
        if not file.read(4).startswith(_STARTS):
            raise ModelError(f"{path} is no checkpoint of train.py, or is damaged")
    try:
        # The warnings are about pickles that torch did not write; they are refused here or below
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path} holds more than weights and plain values, perhaps code, or is damaged") from error
    except Exception as error:  # what a stranger's bytes lead a reader to is anybody's guess
        raise ModelError(f"{path} is not a checkpoint, or is damaged: {_first_line(error)}") from error
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
    state = checkpoint.get("state_dict")
    weights = {
        name: value
        for name, value in (state.items() if isinstance(state, dict) else ())
        if isinstance(name, str) and name.startswith("network.") and isinstance(value, Tensor)
    }
    try:  # first without memory: what a stranger's file asks for need not fit into ours
        shapes = LoadedNetwork(build_network(info.network, "meta"), info).state_dict()
    except ModelError as error:
        raise ModelError(f"{path} describes no network that can be built: {error}") from error
    wrong = sorted(shapes.keys() ^ weights.keys()) or [
        name for name, value in shapes.items() if not _could_be(value, weights[name])
    ]
    if wrong:
        raise ModelError(f"the weights in {path} do not fit {info.network['_target_']}: {wrong[0]} differs")
    if broken := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise ModelError(f"{path} is broken: {broken[0]} holds values that are no numbers")
    loaded = LoadedNetwork(build_network(info.network), info)
    loaded.load_state_dict(weights)
    return loaded


_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def _could_be(wanted: Tensor, given: Tensor) -> bool:
    """Whether a tensor of a file could be a weight: of its shape and kind, and plain numbers in memory."""
    plain = given.layout is torch.strided and given.device.type == "cpu" and not given.is_quantized
    kinds = _FLOATS if wanted.dtype.is_floating_point else (wanted.dtype,)
    return plain and given.shape == wanted.shape and given.dtype in kinds


def released_checkpoints() -> dict[str, Path]:
    """The checkpoints that come with the project, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("weights/*.ckpt"))}


def network_difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """What differs between a checkpoint's description of its network and that of one here, in words, or nothing.

    What either does not mention is as the class has it by default: checkpoints may be older than an argument.
    """
    defaults = {}
    if theirs.get("_target_") == ours["_target_"]:
        parameters = inspect.signature(_network_class(ours["_target_"])).parameters.values()
        defaults = {one.name: one.default for one in parameters}
        defaults = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    there, here = defaults | theirs, defaults | ours
    keys = sorted(key for key in {*there, *here} if there.get(key) != here.get(key))
    return ", ".join(f"{key} {there.get(key)} there, {here.get(key)} here" for key in keys)


def begin_from(network: nn.Module, config: dict[str, Any], classes: Sequence[str], start: LoadedNetwork) -> None:
    """Give a new network the weights of a trained one.

    What has a row per class of the last layer, `head`, takes those of classes that both have; others stay as they are.

    Args:
        network: the new one, changed in place.
        config: that built it.
        classes: of its outputs.
        start: the trained one, of the same architecture.

    Raises:
        ModelError: it is of another architecture.
    """
    if difference := network_difference({**start.info.network, "num_classes": 0}, {**config, "num_classes": 0}):
        raise ModelError(f"init_from is of another network than model=… describes: {difference}")
    both = [name for name in classes if name in start.preprocessing.classes]
    to = torch.tensor([list(classes).index(name) for name in both], dtype=torch.int64)
    taken = torch.tensor([start.preprocessing.classes.index(name) for name in both], dtype=torch.int64)
    state, given = network.state_dict(), start.network.state_dict()
    for name, value in given.items():
        by_class = value.ndim > 0 and (len(value), len(state[name])) == (len(start.preprocessing.classes), len(classes))
        if name.startswith("head.") and by_class:
            value = state[name].index_copy(0, to, value[taken])
        state[name] = value
    network.load_state_dict(state)


def save_network(loaded: LoadedNetwork, path: Path) -> None:
    """Write a network alone, which `load_network` reads and no training can be resumed from; whole or not at all.

    Weights that 16 bits hold exactly are stored in 16 bits.
    """
    state = {name: _smallest(value) for name, value in loaded.state_dict().items()}
    save({"state_dict": state, METADATA_KEY: loaded.info.to_dict()}, path)


def _smallest(value: Tensor) -> Tensor:
    half = value.half() if value.dtype == torch.float32 and value.ndim > 1 else None
    return half if half is not None and torch.equal(half.float(), value) else value


def can_resume(checkpoint: dict[str, Any]) -> bool:
    """Whether training can go on from a checkpoint: not from one that `save_network` wrote."""
    return "optimizer_states" in checkpoint


_STATE: dict[str, Any] = {"state_dict": dict, "loops": dict, "optimizer_states": list, "lr_schedulers": list}
_STATE |= {"FaceDataModule": dict, "pytorch-lightning_version": str}
"""What a training goes on from, beside random numbers."""


def missing_state(checkpoint: dict[str, Any]) -> str:
    """The name of what a checkpoint lacks, or has in no use, of what a training goes on from; or nothing."""
    drawn = checkpoint.get("rng_state")
    if not (isinstance(drawn, Tensor) and drawn.dtype == torch.uint8 and drawn.shape == torch.get_rng_state().shape):
        return "rng_state"
    states = {name: checkpoint.get(name) for name in _STATE}
    return next((name for name, state in states.items() if not isinstance(state, _STATE[name]) or not state), "")


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


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
