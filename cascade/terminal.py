"""What commands show: progress bars on a terminal, and log lines that do not tear them."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bar(console: Console | None = None) -> Progress:
    """A transient progress bar: what, a bar, how many of how many, how long still. On stderr by default.

    Nothing is shown where the console is no terminal.
    """
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def muted(name: str | None, level: int) -> Iterator[None]:
    """Meanwhile what is below a level is not logged under this name; None is the root's."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


class StdoutHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stdout` is at the time.

    Rich replaces `sys.stdout` while it shows a bar, and prints what is written there above the bar. A handler that
    remembers the stream of its creation writes into the bar instead.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """The present standard output."""
        return sys.stdout

    @stream.setter
    def stream(self, value: TextIO) -> None:
        raise AttributeError("this handler always writes to sys.stdout")
