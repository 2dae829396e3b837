"""Driving opencv_traincascade: start, follow, stop, judge."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.failures import count_stages, diagnose
from cascade.opencv.log import Stage, TrainingLog
from cascade.opencv.options import TrainOptions
from cascade.opencv.tools.find import Tools
from cascade.samples.lists import write_background
from cascade.training.result_folder import count_finished

if sys.platform != "win32":
    import fcntl

LOG_NAME = "traincascade.log"


class Observer(Protocol):
    """Is told of a training's progress."""

    def update(self, log: TrainingLog) -> None:
        """Called often, with everything known so far."""

    def stage_finished(self, stage: Stage) -> None:
        """Called once for each stage trained to its end."""


@dataclass(frozen=True)
class Training:
    """A training that was run.

    Attributes:
        folder: where its files are.
        cascade: its `cascade.xml`.
        stages: stages in the cascade.
        trained: the stages of this run.
        resumed_from: stages that were there before.
        seconds: wall-clock time of this run.
        command: the exact argument list.
        stopped_early: why there are fewer stages than asked for; None when all are there.
    """

    folder: Path
    cascade: Path
    stages: int
    trained: list[Stage]
    resumed_from: int
    seconds: float
    command: list[str]
    stopped_early: EarlyStop | None = None


@dataclass
class TrainCascade:
    """One training with opencv_traincascade.

    Attributes:
        tools: the binaries.
        folder: where everything is written; finished stages in it are continued.
        vec: the positives.
        backgrounds: the negatives, absolute paths.
        options: the training.
        observers: are told of the progress.
    """

    tools: Tools
    folder: Path
    vec: Path
    backgrounds: list[Path]
    options: TrainOptions
    observers: list[Observer] = field(default_factory=list)

    def run(self) -> Training:
        """Train until the last stage, an end or an interruption; all output goes to `traincascade.log`.

        Returns:
            The training; an early stop is in `stopped_early`, and not raised.

        Raises:
            TrainingError: it failed; the class says how.
            KeyboardInterrupt: it was stopped from outside; finished stages are kept.
        """
        folder = self.folder.absolute()
        log_file = folder / LOG_NAME
        listed = folder / "negatives.txt"
        # Absolute paths and no empty line: the binary starts from the working directory, stops at a gap.
        command = [str(self.tools.traincascade)]
        command += self.options.arguments(folder, self.vec.absolute(), listed)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_background(listed, self.backgrounds)
            (folder / "command.txt").write_text(shlex.join(command) + "\n", encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"Cannot write to {folder}: {error.strerror}") from error
        before = count_finished(folder)
        start = time.monotonic()
        status, log = self.follow(command, log_file)
        failure = diagnose(status, log, self.options, folder=folder, vec=self.vec, bg=listed, log_file=log_file)
        if failure is not None and not isinstance(failure, EarlyStop):
            raise failure
        return Training(
            folder=folder,
            cascade=folder / "cascade.xml",
            stages=count_stages(folder / "cascade.xml") or 0,
            trained=log.finished,
            resumed_from=min(before, self.options.numStages),
            seconds=time.monotonic() - start,
            command=command,
            stopped_early=failure,
        )

    def follow(self, command: list[str], log_file: Path) -> tuple[int, TrainingLog]:
        """Run the binary, telling the observers; returns its exit status and what it said."""
        log = TrainingLog()
        begun = time.monotonic()
        with (
            _sole_use(self.folder) as lock,
            log_file.open("a", encoding="utf-8") as sink,
            _terminate_as_interrupt(),
            # A session of its own: Ctrl-C reaches us alone, and we end it between two lines of its output.
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                pass_fds=lock,
            ) as process,
        ):
            sink.write(f"$ {shlex.join(command)}\n")
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if log.feed(line):
                        sink.write(line)
                        sink.flush()
                    if log.stages and not log.stages[-1].finished:
                        log.stages[-1].seconds = time.monotonic() - begun
                    elif log.stages and log.activity == "saved":
                        log.activity = "next stage"
                        begun = time.monotonic()
                        for observer in self.observers:
                            observer.stage_finished(log.stages[-1])
                    for observer in self.observers:
                        observer.update(log)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            return process.wait(), log


@contextmanager
def _sole_use(folder: Path) -> Iterator[tuple[int, ...]]:
    """Hold a lock on a result folder, which the binary inherits: it lasts as long as either of us lives."""
    if sys.platform == "win32":
        yield ()
        return
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"Another training is running in {folder}; wait for it, end it, or choose another name=…"
            ) from None
        yield (handle.fileno(),)


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that the binary does not outlive us."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread, where signals cannot be caught
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
