"""Ctrl-C and SIGTERM at any moment of a command: while its libraries load, and while it works.

Imported first by both packages. A process that is one of the project's commands then ends at once and in one line
until its work has begun: an exception that is raised while libraries load may end in their traceback, in an error
of theirs, or, in a callback of the garbage collector, nowhere.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def loading() -> Iterator[None]:
    """End the process at once after Ctrl-C or SIGTERM, while libraries load and nothing has been begun."""
    with _handled_by(_quit):
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM end the work as Ctrl-C does: by KeyboardInterrupt, with what was done so far in order."""
    with _handled_by(_raise):
        yield


def _quit(number: int, frame: FrameType | None) -> NoReturn:
    os.write(2, b"error: interrupted\n")
    os._exit(130)


def _raise(number: int, frame: FrameType | None) -> None:
    if _is_finalizer(frame):  # what is raised there goes nowhere: once more, a little later
        again = threading.Timer(0.02, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()
        return
    raise KeyboardInterrupt


def _is_finalizer(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {}
    try:
        for number in _SIGNALS:
            before[number] = signal.signal(number, handler)
    except ValueError:  # not the main thread, as under a launcher: its signals are not ours
        pass
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _is_command() -> bool:
    """Whether this process was started as one of the project's commands, and is no program that uses its packages."""
    words = sys.orig_argv
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""  # the first: Hydra has a -m of its own
    script = Path(sys.argv[0]) if sys.argv else Path()
    return (
        module.partition(".")[0] in ("cascade", "fer")
        or (script.name in ("train.py", "detect.py") and script.resolve().parent == _ROOT)
        or (script.stem.startswith(("fer-", "cascade-")) and script.parent == Path(sys.executable).parent)
    )


if _is_command():
    for _number in _SIGNALS:
        signal.signal(_number, _quit)
