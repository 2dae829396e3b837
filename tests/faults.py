"""A disk that is full from the n-th write on, or a process that is killed there: `python -m tests.faults JOBS`.

One process imports the commands and forks for every run, since importing torch takes longer than the runs. Writes are
what makes folders, renames, opens files for writing, and what Python's files hand to the system, below a folder.
Libraries that open files by themselves, as OpenCV's encoder of films does, are not seen.
"""

import builtins
import errno
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

ROOT = Path(__file__).resolve().parents[1]
Fault = Literal["none", "full", "kill"]


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        command: detect or train.
        arguments: of its command line.
        folder: below which writes count.
        fault: what happens there.
        at: at which write; the first is 1.
    """

    command: str
    arguments: tuple[str, ...]
    folder: str
    fault: Fault = "none"
    at: int = 0


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status, negative for a signal, what it printed, and how often it wrote."""

    status: int
    output: str
    writes: int


class Disk:
    """Counts writes below a folder, in this process and for good, and does what is to happen at one of them."""

    def __init__(self, folder: Path, fault: Fault, at: int, counter: int) -> None:
        self._folder, self._fault, self._at, self._counter = folder.resolve(), fault, at, counter
        self._open: Callable[..., Any] = io.open
        self.writes = 0

    def install(self) -> None:
        """From now on files below the folder are this disk's."""
        io.open = builtins.open = self.open  # type: ignore[assignment]
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in ("os.mkdir", "os.rename") and self._has(args[0]):
            self.write(args[0])

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> IO[Any]:
        """As `open` does."""
        if not set(mode) & set("wax+") or not self._has(file):
            return self._open(file, mode, buffering, encoding, errors, newline, closefd, opener)  # type: ignore[no-any-return]
        self.write(file)
        raw = _File(self, file, mode.replace("t", "").replace("b", ""))
        if buffering == 0:
            return raw  # type: ignore[return-value]
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)

    def _has(self, file: Any) -> bool:
        return isinstance(file, str | os.PathLike) and Path(os.fspath(file)).resolve().is_relative_to(self._folder)

    def write(self, path: Any = None) -> None:
        """A write is about to happen, to a path where the system would name it."""
        self.writes += 1
        os.pwrite(self._counter, str(self.writes).encode(), 0)
        if self._fault == "kill" and self.writes == self._at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._fault == "full" and self.writes >= self._at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


class _File(io.FileIO):
    def __init__(self, disk: Disk, file: Any, mode: str) -> None:
        super().__init__(file, mode)
        self._disk = disk

    def write(self, content: Any) -> int:
        self._disk.write()
        return super().write(content)


def run(runs: Iterable[Run], folder: Path) -> list[Ended]:
    """Run them one after another in forks of one new process, whose working directory is `folder`."""
    jobs = json.dumps([asdict(one) for one in runs])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, "-m", "tests.faults", jobs], cwd=folder, env=environment, stdout=subprocess.PIPE, check=True
    )
    return [Ended(**one) for one in json.loads(made.stdout)]


def _run(one: Run, main: Callable[[], None]) -> Ended:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as counter:
        if not (child := os.fork()):
            status = 70
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                sys.argv = [one.command, *one.arguments]
                Disk(Path(one.folder), one.fault, one.at, counter.fileno()).install()
                main()
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        counter.seek(0)
        return Ended(status, output.read().decode(errors="replace"), int(counter.read() or 0))


def main() -> None:
    """Run what the argument lists, and print how each ended."""
    runs = [Run(**one) for one in json.loads(sys.argv[1])]
    mains: dict[str, Callable[[], None]] = {}
    if any(one.command == "detect" for one in runs):
        from fer.detect import main as detect

        mains["detect"] = detect
    if any(one.command == "train" for one in runs):
        from fer.train import main as train

        mains["train"] = train
    print(json.dumps([asdict(_run(one, mains[one.command])) for one in runs]))


if __name__ == "__main__":
    main()
