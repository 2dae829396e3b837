"""One way to be a command: compose a Hydra config, run, and end every mistake with one message and status 2."""

import functools
import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, InstantiationException
from hydra.types import RunMode
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cascade.errors import ConfigError, ToolsError, UserError

T = TypeVar("T")
EXTRAS = {
    "train": ("torch", "torchvision", "pytorch_lightning", "torchmetrics", "pandas", "tensorboard", "matplotlib"),
    "evaluate": ("matplotlib",),
    "export": ("torch", "onnx", "onnxscript"),
    "explain": ("torch", "captum"),
}
"""The libraries that each extra of the package adds, by the names they are imported under."""

_VALUED = ("-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir", "-p", "--package", "-i", "--info")
_NOT_FOR_USERS = re.compile(r"^(?:# @package.*\n|(?:defaults|hydra):.*\n(?:[ #].*\n|\n(?= ))*)", re.MULTILINE)
Task = Callable[[DictConfig], Any]

_HERE = Path(__file__).resolve().parent
CONFIGS = _HERE / "configs" if (_HERE / "configs").is_dir() else _HERE.parent / "configs"
"""The Hydra configs: those that the wheel carries, or those of the clone."""


def run_command(
    task: Task, config_name: str, folder: str = "", positional: Sequence[str] = (), extra: str = ""
) -> None:
    """Run a command: read the command line, compose its config, call the task, report what goes wrong.

    Paths need no quotes against Hydra's grammar, and a key that nobody reads is refused by name.

    Args:
        task: takes the config; what it returns is what a sweep optimises.
        config_name: the primary config.
        folder: of it, below `configs/`.
        positional: the keys that arguments without one are meant for, in their order, such as `source` for
            `detect.py photo.jpg`; the last takes all that are left.
        extra: the extra of the package whose libraries the task needs; a missing one is named before anything else.
    """
    arguments = _keyed(sys.argv[1:], positional)
    if {"-h", "--help"} & set(arguments):
        print(_help(CONFIGS / folder / f"{config_name}.yaml", arguments))
        return
    sweeps = any(argument in ("-m", "--multirun") for argument in arguments)
    sys.argv[1:] = [quoted(argument, sweeps) for argument in arguments]
    before = os.environ.get("HYDRA_FULL_ERROR", "0")
    verbose = before == "1"

    @functools.wraps(task)
    def job(config: DictConfig) -> Any:
        with _reporting(verbose):  # below Hydra, which would add lines of its own
            _refuse_added_keys(config)
            if extra:
                require(extra)
            return task(config)

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then passes errors on instead of printing and exiting
    try:
        with _reporting(verbose):
            hydra.main(version_base="1.3", config_path=str(CONFIGS / folder), config_name=config_name)(job)()
    finally:
        os.environ["HYDRA_FULL_ERROR"] = before


def output_dir() -> Path:
    """The folder of this run, as Hydra's config names it."""
    return Path(HydraConfig.get().runtime.output_dir)


def is_multirun() -> bool:
    """Whether this is one of several runs of a sweep."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def settings(config: DictConfig, schema: type[T]) -> T:
    """The config as the dataclass that it was composed from."""
    made = OmegaConf.to_object(config)
    assert isinstance(made, schema)
    return made


def require(extra: str, *modules: str) -> None:
    """Make sure that an extra's libraries are there before work begins.

    Args:
        extra: of the package.
        modules: the libraries wanted of it; all of them by default.

    Raises:
        ToolsError: one is missing; the message names the extra that brings it.
    """
    missing = [module for module in modules or EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise ToolsError(
            f"this needs {', '.join(missing)}, which the base install leaves out; in a clone of the project: "
            f"pip install '.[{extra}]'"
        )


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM end the work as Ctrl-C does: with what was done so far in order."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread, as under a launcher: its signals are not ours
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def quoted(argument: str, sweeps: bool = False) -> str:
    """An override as Hydra's grammar takes it: a value that it would not, such as the path `a (1), b.jpg`, in quotes.

    Args:
        argument: of the command line.
        sweeps: whether commas may separate the values of a sweep; a file of that very name goes before.
    """
    key, separator, value = argument.partition("=")
    if not separator or not value or argument.startswith("-") or value[0] in "'\"":
        return argument
    try:
        override = OverridesParser.create().parse_override(argument)
        taken = sweeps or not override.is_sweep_override()
    except HydraException:
        taken = False
    if taken and not (set(value) & set(",[]{}()") and Path(value).expanduser().exists()):
        return argument
    escaped = value.replace("'", "\\'")
    return f"{key}='{escaped}'"


def _keyed(arguments: list[str], keys: Sequence[str]) -> list[str]:
    """Arguments of which those without a key are given one; Hydra's own options keep their values."""
    kept: list[str] = []
    bare: list[str] = []
    takes_value = False
    for argument in arguments:
        own = not keys or takes_value or argument.startswith(("-", "+", "~"))
        own |= "=" in argument and not Path(argument).exists()
        (kept if own else bare).append(argument)
        takes_value = argument in _VALUED
    if len(bare) > len(keys):
        escaped = (path.replace("'", "\\'") for path in bare[len(keys) - 1 :])
        bare[len(keys) - 1 :] = ["[" + ",".join(f"'{path}'" for path in escaped) + "]"]
    return [*kept, *(f"{key}={value}" for key, value in zip(keys, bare, strict=False))]


def _help(config: Path, arguments: Sequence[str]) -> str:
    """What the settings mean: the text of a command's config, that of options chosen beside --help, and the groups."""
    pairs = [argument.partition("=") for argument in arguments]
    chosen = [config, *(config.parent / group / f"{option}.yaml" for group, _, option in pairs)]
    texts = [_NOT_FOR_USERS.sub("", path.read_text(encoding="utf-8")).strip() for path in chosen if path.is_file()]
    rows = []
    for entry in DictConfig(OmegaConf.load(config)).get("defaults", []):
        for group, default in entry.items() if isinstance(entry, DictConfig) else ():
            group = str(group)
            options = sorted(path.stem for path in (config.parent / group).glob("*.yaml"))
            if len(options) > 1:
                rows.append(f"{group}={default or ''}".ljust(32) + f"# of {', '.join(options)}")
    groups = ["# Choices; GROUP=OPTION --help shows what one of them holds", *rows]
    return "\n\n".join([*texts, "\n".join(groups)] if rows else texts)


def _refuse_added_keys(config: DictConfig) -> None:
    """Refuse `+key=value` and `++key=value` where nobody would read it; an object of the user's own may be added."""
    overrides = HydraConfig.get().overrides.task
    rest = [override for override in overrides if not override.startswith("+")]
    if len(rest) == len(overrides):
        return
    name = HydraConfig.get().job.config_name
    base = GlobalHydra.instance().hydra.compose_config(name, rest, RunMode.RUN, with_log_configuration=False)  # type: ignore[union-attr]
    for key in (override.lstrip("+").partition("=")[0] for override in set(overrides) - set(rest)):
        parent, _, name = key.rpartition(".")
        nodes = [OmegaConf.select(tree, parent) if parent else tree for tree in (config, base)]
        node, known = (node if isinstance(node, DictConfig) else DictConfig({}) for node in nodes)
        if name in known or name.strip("_") != name or "@" in key or _is_group(key):
            continue
        if isinstance(added := node.get(name), DictConfig) and "_target_" in added:
            continue
        if "_target_" in node:
            taken = inspect.signature(get_object(node["_target_"])).parameters
            if name not in taken and not any(one.kind is one.VAR_KEYWORD for one in taken.values()):
                raise _unknown(key, list(taken))
        elif not any("_target_" in above for above in _above(config, parent)):
            raise _unknown(key, [str(one) for one in known])


def _above(config: DictConfig, key: str) -> Iterator[DictConfig]:
    """The nodes above that of a dotted key."""
    for part in key.split(".")[:-1]:
        config = config[part]
        yield config


def _is_group(key: str) -> bool:
    loader = GlobalHydra.instance().config_loader()
    return bool(loader.get_group_options(key.replace(".", "/")))


def _paths(node: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of everything below a node."""
    if isinstance(node, DictConfig) and not node._is_missing() and not node._is_none():
        for key in map(str, node):
            yield f"{prefix}{key}"
            yield from _paths(node._get_node(key), f"{prefix}{key}.")


def _unknown(key: str, known: list[str]) -> ConfigError:
    parent = key.rpartition(".")[0]
    known = [name for name in known if name not in ("hydra", "_target_")]
    near = get_close_matches(key.rpartition(".")[2], known, 1)
    prefix = f"{parent}." if parent else ""
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
    return ConfigError(f"there is no setting {key}; {hint}")


@contextmanager
def _reporting(verbose: bool) -> Iterator[None]:
    """Exit with status 2 after a mistake that the user can mend, with 130 after Ctrl-C."""
    try:
        yield
    except UserError as error:
        _fail(str(error), 2)
    except InstantiationException as error:
        if verbose:
            raise
        _fail(_reason(error), 2)
    except (HydraException, OmegaConfBaseException) as error:
        if verbose:
            raise
        _fail(_composition(error), 2)
    except BrokenPipeError:  # whoever read our output, `head` say, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if verbose or error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}", 2)
    except KeyboardInterrupt as interrupt:
        _fail(str(interrupt) or "interrupted; what was finished is kept, and the same command goes on", 130)


def _reason(error: InstantiationException) -> str:
    """What an object that a config describes had against being made.

    Raises:
        BaseException: it is no mistake of the config's.
    """
    cause = error.__cause__
    while isinstance(cause, InstantiationException):
        error, cause = cause, cause.__cause__
    if isinstance(cause, UserError):
        return str(cause)
    where = str(error).partition("full_key: ")[2].strip()
    if unexpected := re.search(r"unexpected keyword argument '(\w+)'", str(cause)):
        return f"there is no setting {where and where + '.'}{unexpected[1]}"
    if cause is None or isinstance(cause, TypeError | ValueError):
        return f"{where}: {cause or str(error).splitlines()[0]}" if where else str(cause or error)
    raise cause


def _composition(error: BaseException) -> str:
    cause = error.__cause__
    node, key = getattr(cause, "parent_node", None), getattr(cause, "full_key", None)
    if isinstance(node, DictConfig) and key and re.search("^Key '.*' (is )?not in ", str(cause)):
        moved = [path for path in _paths(node) if path.endswith(f".{key}")]
        if moved:
            return f"there is no setting {key}; did you mean {' or '.join(moved)}?"
        return str(_unknown(str(key), [str(name) for name in node]))
    if missing := re.search(r"hydra/(sweeper|launcher)/\w+", str(error)):
        return f"{missing[0]} is not installed; in a clone of the project: pip install '.[sweep]'"
    lines = f"{error}\n{cause or ''}".splitlines()
    told = dict.fromkeys(line for line in lines if line.strip() and not re.match(r"\s+\w+_(key|type)[:=]", line))
    return (": " if str(error).startswith("Error merging override") else "\n").join(told)


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(status)
