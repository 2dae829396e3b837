"""One way to be a command: compose a Hydra config, run, and end every mistake with one message and status 2."""

import errno
import functools
import inspect
import io
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
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

from cascade.checked import Limits, check_config
from cascade.errors import ConfigError, ToolsError, UserError
from cascade.files import write_whole
from cascade.interrupts import interruptible, loading
from cascade.text import hidden, printable

T = TypeVar("T")
EXTRAS = {
    "train": ("torch", "torchvision", "pytorch_lightning", "torchmetrics", "pandas", "tensorboard"),
    "boost": ("numba",),
    "export": ("torch", "onnx", "onnxscript"),
    "explain": ("torch", "captum"),
}
"""The libraries that each extra of the package adds, by the names they are imported under."""

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a write that names no file says of the disk."""

FAILED = "FAILED"
"""A file in the folder of a sweep's run that failed; it says why."""

_VALUED = {"-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir", "-p", "--package", "-i", "--info"}
_VALUED |= {"-c", "--cfg", "--experimental-rerun"}
_OPTIONS = {"-h", "--help", "--hydra-help", "--version", "--resolve", "-r", "--run", "-m", "--multirun"} | _VALUED
_OPTIONS |= {"-sc", "--shell-completion"}
"""Hydra's own, and those of them that take a value."""

_NOT_FOR_USERS = re.compile(r"^(?:# @package.*\n|(?:defaults|hydra):.*\n(?:[ #].*\n|\n(?= ))*)", re.MULTILINE)
Task = Callable[[DictConfig], Any]

_HERE = Path(__file__).resolve().parent
CONFIGS = _HERE / "configs" if (_HERE / "configs").is_dir() else _HERE.parent / "configs"
"""The Hydra configs: those that the wheel carries, or those of the clone."""


def run_command(
    task: Task,
    config_name: str,
    folder: str = "",
    positional: Sequence[str] = (),
    extra: str = "",
    limits: Limits | None = None,
) -> None:
    """Run a command: read the command line, compose its config, call the task, report what goes wrong.

    Paths need no quotes against Hydra's grammar, a key that nobody reads is refused by name, and so
    is a value that does not fit what takes it.

    Args:
        task: takes the config; what it returns is what a sweep optimises.
        config_name: the primary config.
        folder: of it, below `configs/`.
        positional: the keys that arguments without one are meant for, in their order, such as `source` for
            `detect.py photo.jpg`; the last takes all that are left.
        limits: of what libraries are given: see `check_config`.
        extra: the extra of the package whose libraries the task needs; a missing one is named before anything else.
    """
    logging.raiseExceptions = False  # a log that cannot be written ends no run, and is not worth a traceback
    for stream in (sys.stdout, sys.stderr):  # a name that their encoding lacks must not end a run
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = [_without_secret(argument) for argument in _keyed(sys.argv[1:], positional)]
    except ConfigError as error:
        _fail(str(error), 2)
    if {"-h", "--help"} & set(arguments):
        print(_help(CONFIGS / folder / f"{config_name}.yaml", arguments))
        return
    try:
        Path.cwd()
    except OSError as error:
        _fail(f"the folder that this command was started in cannot be found: {error.strerror}; go to another", 2)
    sweeps = any(argument in ("-m", "--multirun") for argument in arguments)
    sys.argv[1:] = [quoted(argument, sweeps, positional) for argument in arguments]
    before = os.environ.get("HYDRA_FULL_ERROR", "0")
    verbose = before == "1"

    composed = False
    runs: list[str] = []  # what was wrong with each, nothing for those that worked

    def checked(config: DictConfig) -> Any:
        _refuse_added_keys(config)
        if extra:
            require(extra)
        check_config(config, limits or {})
        with interruptible():
            return task(config)

    @functools.wraps(task)
    def job(config: DictConfig) -> Any:
        nonlocal composed
        composed = True
        with _reporting(verbose):  # below Hydra, which would add lines of its own
            if not is_multirun():
                return checked(config)
            value, wrong = _one_of_many(checked, config, verbose)
            runs.append(wrong)
            return value

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then passes errors on instead of printing and exiting
    try:
        # a sweep's work may be in other processes, which this one waits for: that is no loading
        with interruptible() if sweeps else loading(), _reporting(verbose):
            try:
                hydra.main(version_base="1.3", config_path=str(CONFIGS / folder), config_name=config_name)(job)()
            except (ValueError, TypeError, AssertionError, AttributeError) as error:
                if runs and all(runs):  # a search without a best run
                    _fail_sweep(runs)
                if composed or verbose or isinstance(error, HydraException | OmegaConfBaseException | UserError):
                    raise
                raise ConfigError(f"these settings do not make a config: {error}") from error
    finally:
        os.environ["HYDRA_FULL_ERROR"] = before
    if any(runs):
        _fail_sweep(runs)


def _fail_sweep(runs: list[str]) -> NoReturn:
    failed = [f"run {number}: {wrong}" for number, wrong in enumerate(runs) if wrong]
    _fail("\n".join([f"{len(failed)} of {len(runs)} runs failed", *failed]), 1)


def _one_of_many(task: Task, config: DictConfig, verbose: bool) -> tuple[Any, str]:
    """Run one of a sweep's runs; one that fails leaves `FAILED` in its folder, and the sweep goes on.

    Returns:
        What the task returns, nothing where it failed; and what was wrong.
    """
    try:
        return task(config), ""
    except (BrokenPipeError, hydra.errors.HydraException) as error:
        if not isinstance(error, InstantiationException):
            raise
        wrong = _reason(error)
    except UserError as error:
        wrong = str(error)
    except Exception as error:  # the others may still work
        traceback.print_exc()
        wrong = f"{type(error).__name__}: {error}"
    if verbose:
        traceback.print_exc()
    wrong = printable(wrong)
    print(f"error: {wrong}", file=sys.stderr, flush=True)
    write_whole(output_dir() / FAILED, wrong + "\n")
    return None, wrong  # a number that is none would end Optuna's search


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


def quoted(argument: str, sweeps: bool = False, paths: Sequence[str] = ()) -> str:
    """An override as Hydra's grammar takes it: a value that it would not, such as the path `a (1), b.jpg`, in quotes.

    Args:
        argument: of the command line.
        sweeps: whether commas may separate the values of a sweep; a file of that very name goes before.
        paths: the keys whose values are paths above all: a file named `null` or `1` is that file.
    """
    key, separator, value = argument.partition("=")
    if not separator or not value or argument.startswith("-"):
        return argument
    there = _exists(value)
    if value[0] in "'\"" and not there:
        return argument
    try:
        override = OverridesParser.create().parse_override(argument)
        taken = sweeps or not override.is_sweep_override()
        taken &= not (there and key in paths and override.value() != value)
    except HydraException:
        taken = False
    if taken and not (set(value) & set(",[]{}()'\"\\") and there) and value == _literal(value):
        return argument
    return f"{key}={_in_quotes(value)}"


def _keyed(arguments: list[str], keys: Sequence[str]) -> list[str]:
    """Arguments of which those without a key are given one; Hydra's own options go first, and keep their values."""
    options: list[str] = []  # Hydra takes overrides from one place alone, not from before and behind an option
    kept: list[str] = []
    bare: list[str] = []
    takes_value = False
    for argument in arguments:
        option = takes_value or argument.partition("=")[0] in _OPTIONS
        if argument.startswith("-") and not option and not (keys and _exists(argument)):
            raise ConfigError(f"there is no option {argument}; settings are given as key=value, --help shows them")
        own = not keys or ((argument.startswith(("+", "~")) or "=" in argument) and not _exists(argument))
        (options if option else kept if own else bare).append(argument)
        takes_value = argument in _VALUED
    if len(bare) > len(keys):
        bare[len(keys) - 1 :] = ["[" + ",".join(map(_in_quotes, bare[len(keys) - 1 :])) + "]"]
    else:
        bare = [_in_quotes(path) if path and _exists(path) else path for path in bare]
    return [*options, *kept, *(f"{key}={value}" for key, value in zip(keys, bare, strict=False))]


def _without_secret(argument: str) -> str:
    """An argument in which an address has no password: Hydra shows and stores what it is given.

    Those of libraries, a database's for Hydra say, stay as they are: they are opened by others, under that very name.
    """
    key, separator, value = argument.partition("=")
    theirs = key.lstrip("+").startswith(("hydra.", "logger.", "callbacks."))
    return f"{key}{separator}{hidden(value)}" if "://" in value and not theirs else argument


def _exists(path: str) -> bool:
    try:
        return Path(path).exists() or Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long, nobody's home, a zero in it
        return False


def _in_quotes(value: str) -> str:
    """A value between quotes, as Hydra reads it, with what is no interpolation kept from OmegaConf."""
    escaped = re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), _literal(value))
    return f"'{escaped}'"


def _literal(value: str) -> str:
    """A value in which `${` is escaped where it is in the name of a file or folder that exists."""
    parts = Path(value).parts
    there = [part for count, part in enumerate(parts, 1) if "${" in part and _exists(str(Path(*parts[:count])))]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if there else value


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
    return ConfigError(
        f"there is no setting {key}{_hint(key.rpartition('.')[2], known, f'{parent}.' if parent else '')}"
    )


def _hint(name: str, known: Sequence[str], prefix: str = "") -> str:
    """What to add to a message about a name that is not known."""
    if near := get_close_matches(name, known, 1):
        return f"; did you mean {prefix}{near[0]}?"
    return f"; known are {', '.join(known)}" if known else ""


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
        if verbose or (error.filename is None and error.errno not in _DISK):
            raise
        _fail(f"{error.filename or 'a file could not be written'}: {error.strerror}", 2)
    except KeyboardInterrupt as interrupt:
        _fail(str(interrupt) or "interrupted; what was finished is kept", 130)


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
    text, _, where = (" ".join(part.split()) for part in str(error).partition("full_key: "))
    if unexpected := re.search(r"unexpected keyword argument '(\w+)'", str(cause)):
        return f"there is no setting {where and where + '.'}{unexpected[1]}"
    if text.startswith("Error locating target"):
        return f"{where and where + '.'}_target_: {' '.join(str(cause).split())}"
    if cause is None or isinstance(cause, TypeError | ValueError):
        return f"{where}: {cause or text}" if where else str(cause or text)
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
    if absent := re.search(r"Could not find '(.+)/(.+)'\n+Available options in '.*':\n((?:\t.*\n)+)", f"{error}\n"):
        return f"{absent[1]} has no option {absent[2]}{_hint(absent[2], absent[3].split())}"
    lines = f"{error}\n{cause or ''}".splitlines()
    told = dict.fromkeys(line for line in lines if line.strip() and not re.match(r"\s+\w+_(key|type)[:=]", line))
    return (": " if str(error).startswith("Error merging override") else " ").join(map(str.strip, told))


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {printable(message)}", file=sys.stderr, flush=True)
    sys.exit(status)
