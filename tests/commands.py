"""Running a command inside the test's process: starting Python and importing torch again takes seconds."""

import io
import logging
import os
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig


def run_here(main: Callable[[], None], *arguments: str, folder: Path, status: int = 0) -> str:
    """Run a command as from a command line in `folder`, and return all that it printed.

    Args:
        main: the command's function, such as `fer.detect.main`.
        arguments: of the command line.
        folder: the working directory.
        status: the exit status it must have.
    """
    printed = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    code: object = 0
    with (
        chdir(folder),
        mock.patch.object(sys, "argv", ["command", *arguments]),
        mock.patch.dict(os.environ),
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:  # Hydra leaves its config and its log handlers behind
            GlobalHydra.instance().clear()
            HydraConfig.instance().cfg = None
            root.handlers[:] = handlers
            root.setLevel(level)
    assert code == status, f"exit status {code}, not {status}:\n{printed.getvalue()}"
    return printed.getvalue()
