"""The folder in which compiled binaries are kept, one subfolder per version of OpenCV."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

CACHE_VARIABLE = "FER_CASCADE_CACHE"
"""Environment variable that names another cache folder."""


def cache_root() -> Path:
    """The cache folder: `$FER_CASCADE_CACHE`, `$XDG_CACHE_HOME/fer-cascade` or `~/.cache/fer-cascade`."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "fer-cascade"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the cache folder for oneself, so that two builds at once do not do the work twice.

    The lock belongs to the process: it is gone when the process is, however it ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A fresh folder beside `target` that takes its place when the block ends well, and vanishes otherwise.

    So a folder under its final name is always complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
