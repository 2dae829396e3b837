"""Running a Hydra command so that a user's mistakes end with one message, not with a traceback."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import ParamSpec, TypeVar

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cascade.errors import ConfigError, UserError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

CONFIGS = str(Path(__file__).resolve().parent.parent / "configs" / "cascade")
"""The folder of this package's Hydra configs."""


def reported(task: Callable[P, R]) -> Callable[P, R]:
    """Make a job exit with a message after a mistake; goes below `hydra.main`, which would add its own."""

    @functools.wraps(task)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with _reporting():
            return task(*args, **kwargs)

    return wrapped


def settings(config: DictConfig, schema: type[T]) -> T:
    """The config as the dataclass that it was composed from.

    Raises:
        ConfigError: `+key=value` added a key that the dataclass does not have, and that nobody would read.
    """
    made = OmegaConf.to_object(config)
    assert isinstance(made, schema)
    _refuse_unknown(made, "")
    return made


def _refuse_unknown(made: object, prefix: str) -> None:
    if not is_dataclass(made):
        return
    known = [field.name for field in fields(made)]
    for name, value in vars(made).items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"There is no setting {prefix}{name}; {hint}")
        _refuse_unknown(value, f"{prefix}{name}.")


def run_command(main: Callable[[], object]) -> None:
    """Run a command made by `hydra.main`; wrong overrides and folders end it as `reported` ends a job."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then passes errors on instead of printing and exiting
    with _reporting(verbose=before == "1"):
        main()


@contextmanager
def _reporting(verbose: bool = False) -> Iterator[None]:
    """Exit with status 2 after a mistake that the user can mend, with 130 after Ctrl-C."""
    try:
        yield
    except UserError as error:
        _fail(str(error), 2)
    except (HydraException, OmegaConfBaseException) as error:
        if verbose:
            raise
        lines = f"{error}\n{error.__cause__ or ''}".splitlines()
        _fail("\n".join(dict.fromkeys(line for line in lines if line.strip())), 2)
    except OSError as error:
        if verbose or error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}", 2)
    except KeyboardInterrupt:
        _fail("interrupted; what was finished is kept, and the same command goes on", 130)


def _fail(message: str, status: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)
