"""Running a command without starting Python again, which takes torch alone seconds to import."""

import contextlib
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from pytorch_lightning import Callback

from fer.train import main as train_main
from tests.conftest import TINY


def run_here(main: Callable[[], None], *arguments: str, folder: Path, status: int = 0) -> str:
    """Call a command's `main` as if its process had just started; return what it printed.

    Args:
        main: the command.
        arguments: of the command line.
        folder: the working directory.
        status: the exit status that it must end with.
    """
    printed, ended = io.StringIO(), 0
    caught = contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed)
    with _as_in_a_process_of_its_own(folder, arguments), caught[0], caught[1]:
        try:
            main()
        except SystemExit as exit_:
            ended = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    assert ended == status, f"exit status {ended}, not {status}:\n{printed.getvalue()}"
    return printed.getvalue()


def train_here(folder: Path, name: str, *overrides: str, tiny: bool = True, status: int = 0) -> tuple[Path, str]:
    """Run train.py's `main`; return the run's folder and the output."""
    run = folder / name
    arguments = [*(TINY if tiny else ()), *overrides, f"hydra.run.dir={run}"]
    return run, run_here(train_main, *arguments, folder=folder, status=status)


class SignalAt(Callback):
    """Sends this process a signal after a step of training: `+callbacks.kick={_target_: …, step: 10, number: 15}`."""

    def __init__(self, step: int, number: int) -> None:
        self.step, self.number = step, number

    def on_train_batch_end(self, trainer: Any, *args: Any) -> None:
        if trainer.global_step == self.step:
            signal.raise_signal(self.number)


@contextlib.contextmanager
def _as_in_a_process_of_its_own(folder: Path, arguments: tuple[str, ...]) -> Iterator[None]:
    root, before = logging.getLogger(), _global_state()
    environment, argv, handlers, level = dict(os.environ), sys.argv, list(root.handlers), root.level
    sys.argv = ["train.py", *arguments]
    GlobalHydra.instance().clear()
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:], sys.argv = handlers, argv
        root.setLevel(level)
        os.environ.clear()
        os.environ.update(environment)
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def _global_state() -> tuple[Any, ...]:
    return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
