"""OpenCV's trainer: starting opencv_traincascade, following it, judging what it made."""

import itertools
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cascade.errors import TrainingError
from cascade.opencv.log import TrainingLog, diagnose
from cascade.opencv.options import TrainOptions, check_requirements
from cascade.opencv.process import run_logged
from cascade.opencv.tools.install import ensure_tools
from cascade.samples.lists import write_background
from cascade.training.preflight import not_writable
from cascade.training.trainer import Findings, Finished, Inputs, Observer, Training
from cascade.xml import read_cascade, read_if_whole

_PROCESS_NOTE = "traincascade.pid"
# How fast, not what: these may differ when a training is continued.
_FREE = ("numThreads", "precalcValBufSize", "precalcIdxBufSize")
_IN_PARAMS_XML = {"h": "height", "w": "width", "bt": "boostType", "maxFalseAlarmRate": "maxFalseAlarm"}


class OpenCVTrainer:
    """Trains a cascade with opencv_traincascade, logged in `traincascade.log`; `tools` is what `ensure_tools` takes."""

    name = "opencv"
    uses: Collection[str] = ("vec",)

    def __init__(self, options: TrainOptions, tools: Mapping[str, str | None] | None = None) -> None:
        self.window = (options.w, options.h)
        self.stages = options.numStages
        self.settings: Mapping[str, Any] = asdict(options)
        self._options = options
        self._tools = dict(tools or {})

    def may_change(self, name: str, old: Any, new: Any) -> bool:
        """More stages are added to those that are there."""
        return name in _FREE or (name == "numStages" and int(new) > int(old))

    def check(self, inputs: Inputs) -> Findings:
        """Check numbers of samples and bytes, which the binary would run out of hours later."""
        return check_requirements(inputs, self._options)

    def finished(self, folder: Path) -> Finished:
        """The stages that the binary would load, and the options in `params.xml`."""
        parameters = read_if_whole(folder / "params.xml")
        if parameters is None:
            return Finished()
        count = next(index for index in itertools.count() if read_if_whole(folder / f"stage{index}.xml") is None)
        told = {name: parameters.parameter(f".//{_IN_PARAMS_XML.get(name, name)}") for name in self.settings}
        return Finished(count, {name: value for name, value in told.items() if value is not None})

    def train(self, inputs: Inputs, folder: Path, observers: Sequence[Observer]) -> Training:
        """Run the binary until its end; a ToolsError where there is none and it cannot be made."""
        tools = ensure_tools(**self._tools, console=None)
        folder = folder.absolute()
        log_file, listed, note = folder / "traincascade.log", folder / "negatives.txt", folder / _PROCESS_NOTE
        # Absolute paths and no empty line: the binary starts from the working directory, stops at a gap.
        command = [str(tools.traincascade), *self._options.arguments(folder, inputs.vec.absolute(), listed)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_survivor(folder)
            before = self.finished(folder).stages
            for path in _remove_stages(folder, before):
                for observer in observers:
                    observer.noted(f"{path.name} was cut short; its stage is trained again")
            write_background(listed, inputs.negatives)
            (folder / "command.txt").write_text(shlex.join(command) + "\n", encoding="utf-8")
        except OSError as error:
            raise TrainingError(not_writable(folder, error.strerror)) from error
        log = TrainingLog(observers)
        try:
            status = run_logged(command, log_file, log.feed, on_start=lambda pid: note.write_text(str(pid)))
        except BaseException:
            # what the binary finished while it was being ended has no record, and is trained again
            _remove_stages(folder, before + log.told)
            raise
        finally:
            note.unlink(missing_ok=True)
        log.tell_finished()
        self._note_full_stages(log, observers)
        early_stop = diagnose(status, log, self._options, inputs, folder, log_file)
        model = folder / "cascade.xml"
        trees = read_cascade(model).weak_trees
        used = {"traincascade": str(tools.traincascade), "origin": tools.origin}
        about = {"weak_trees": sum(trees), "tools": used, "command": command}
        return Training(model, len(trees), f"{sum(trees)} weak trees", early_stop, about)

    def _note_full_stages(self, log: TrainingLog, observers: Sequence[Observer]) -> None:
        most, rate = self._options.maxWeakCount, self._options.maxFalseAlarmRate
        full = [stage.index for stage in log.finished if stage.rounds >= most and stage.false_alarm_rate > rate]
        for observer in observers if full else ():
            observer.noted(
                f"stages {full} ended at maxWeakCount {most} above maxFalseAlarmRate {rate}: raise "
                "options.maxWeakCount, or give more or better samples"
            )


def _remove_stages(folder: Path, keep: int) -> list[Path]:
    """Remove all stage files but the first ones: the binary would choke on one that a crash cut short."""
    numbers = {path: path.stem.removeprefix("stage") for path in sorted(folder.glob("stage*.xml"))}
    removed = [path for path, number in numbers.items() if number.isdigit() and int(number) >= keep]
    for path in removed:
        path.unlink()
    if keep == 0:
        (folder / "params.xml").unlink(missing_ok=True)
    return removed


def _refuse_survivor(folder: Path) -> None:
    """Refuse to train beside a binary that outlived its killed command: it may write to the folder until it ends.

    It ends by itself when it next prints something. Told on Linux alone.
    """
    note = folder / _PROCESS_NOTE
    pid = note.read_text() if note.is_file() else ""
    running = Path(f"/proc/{pid}/cmdline")
    if pid and running.is_file() and str(folder) in running.read_bytes().decode(errors="surrogateescape"):
        raise TrainingError(f"Another training is running in {folder}, process {pid}, whose command was killed; end it")
