"""Files that are whole or not there, locks, and the one folder for what can be made again."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from cascade.errors import OutputError

CACHE_VARIABLE = "FER_CASCADE_CACHE"
"""Environment variable that names another cache folder, for everything that this project caches."""

_PART = re.compile(r"\..+\.(\d+)\.part(\..*)?$", re.DOTALL)


def cache_dir() -> Path:
    """The folder for what can be made again: `$FER_CASCADE_CACHE`, or the system's place for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("fer-cascade")


@contextmanager
def whole(target: Path, *, replace: bool = True) -> Iterator[Path]:
    """Give a path beside `target` to write a file or a folder to; it takes the target's name if all goes well.

    So whatever stands under its final name is complete, and an old one is kept until the new one is.

    Args:
        target: the file or folder to make; its parent folder is made where it is missing.
        replace: whether a target that exists is replaced.

    Raises:
        OutputError: it exists and is not to be replaced, or cannot be written.
    """
    if not replace and target.exists():
        raise OutputError(f"{target} exists; name another target or remove it first")
    part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if part.is_dir() and target.is_dir():
            shutil.rmtree(target)
        part.replace(target)
    except OSError as error:
        about = None if error.filename is None else Path(str(error.filename))
        if about is not None and about not in (part, *target.parents) and part not in about.parents:
            raise  # it is another file's
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that appears only when it is complete; text as UTF-8.

    Raises:
        OutputError: it cannot be written.
    """
    with whole(path) as part:
        part.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)


def remove_parts(folder: Path, *own: str) -> None:
    """Remove what processes that were killed had begun to write in a folder that this process holds alone.

    Args:
        folder: what others keep in its subfolders is not looked at, as it may be any folder of the user's.
        own: names of subfolders that are the run's own, which are looked at all the way down.
    """
    for path in [*folder.iterdir(), *(path for name in own for path in (folder / name).rglob("*"))]:
        if (part := _PART.match(path.name)) and not _runs(int(part[1])):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _runs(process: int) -> bool:
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def is_file(path: Path) -> bool:
    """Whether there is a file of that name; a name that the system does not take is none's."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_regular(path: Path) -> None:
    """Raise OSError for what is there and no file, such as a device or a pipe, which may have no end.

    A folder is left to whoever opens it, and so is what is missing.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "a device or a pipe, no file", str(path))


def check_writable(folder: Path) -> None:
    """Raise OSError where no file can be made in a folder: a lock there would be waited for for ever."""
    probe = folder / f".probe.{os.getpid()}.part"
    probe.touch()
    probe.unlink(missing_ok=True)


@contextmanager
def sole_use(folder: Path, message: str | None = None) -> Iterator[None]:
    """Hold a folder for this process alone; the lock is gone when the process is, however it ended.

    Args:
        folder: made where it is missing.
        message: what to say where another process holds it; None waits until that is done.

    Raises:
        OutputError: another process holds it, and there is a message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    check_writable(folder)
    try:
        with FileLock(folder / ".lock", timeout=-1 if message is None else 0):
            yield
    except Timeout:
        raise OutputError(str(message)) from None
