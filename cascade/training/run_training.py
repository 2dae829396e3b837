"""A whole training, whoever trains: check, go on with what is there, train, report."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING, OmegaConf
from rich.console import Console

from cascade.boxes import BoxAdjustment
from cascade.command import interruptible
from cascade.errors import ConfigError, TrainingError
from cascade.files import sole_use, write_whole
from cascade.terminal import progress_bar
from cascade.training.display import StageDisplay, warn
from cascade.training.preflight import inspect
from cascade.training.record import CSV_NAME, StageTable, TensorBoardStages, read_stages
from cascade.training.result_folder import check_unchanged, describe, write_record
from cascade.training.trainer import Findings, Inputs, Observer, Stage, Trainer, Training


@dataclass
class TrainConfig:
    """All settings of `python -m cascade.train`.

    Attributes:
        name: names the result folder; the same name goes on with the same training.
        samples: a folder made by `python -m cascade.prepare`.
        vec: the positives; by default the `positives.vec` of `samples`. `opencv_faces` stands for OpenCV's
            own 16,520 faces of 24×24 pixels, which come with its binaries.
        bg: the list of negatives; by default the `bg.txt` of `samples`.
        trainer: who trains, by `_target_`.
        options: the trainer's own options.
        tools: programs that it needs.
        preflight: `strict` refuses a training that the check finds will fail; `warn` only says so.
        accept_early_stop: take fewer stages than asked for as a success.
        tensorboard: write event files for TensorBoard, where it is installed.
        box_adjustment: from the framing of the samples to the canonical box of a face; kept beside the detector.
    """

    name: str = MISSING
    samples: str | None = None
    vec: str | None = None
    bg: str | None = None
    trainer: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, Any] = field(default_factory=dict)
    preflight: str = "strict"
    accept_early_stop: bool = False
    tensorboard: bool = True
    box_adjustment: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.preflight not in ("strict", "warn"):
            raise ConfigError(f"preflight is {self.preflight!r}; it may be strict or warn")
        if self.samples is None and None in (self.vec, self.bg):
            raise ConfigError("Give samples=FOLDER, made by python -m cascade.prepare, or vec=FILE and bg=FILE")
        self.box_adjustment = asdict(BoxAdjustment(**self.box_adjustment))

    def inputs(self) -> tuple[Path, Path]:
        """The .vec file and the list of negatives."""
        folder = Path(self.samples or "")
        vec, bg = self.vec or folder / "positives.vec", self.bg or folder / "bg.txt"
        return Path(vec).expanduser(), Path(bg).expanduser()


def run_training(config: TrainConfig, trainer: Trainer, folder: Path, console: Console) -> float:
    """Train as configured into a folder, going on with what is there.

    Returns:
        The false-alarm rate of the whole detector on its training negatives.

    Raises:
        OutputError: another training is running in the folder.
        ToolsError: a program that the trainer needs cannot be had.
        TrainingError: the training cannot start, failed, or stopped early.
    """
    with progress_bar(console) as bar:
        task = bar.add_task("looking at the negatives", total=None)
        inputs, found = inspect(
            *config.inputs(), trainer.window, lambda done, total: bar.update(task, completed=done, total=total)
        )
    own = trainer.check(inputs)
    found = Findings(found.errors + own.errors, found.warnings + own.warnings, own.summary, own.about)
    _show_findings(inputs, found, config, console)
    training = describe(trainer, inputs)
    busy = f"Another training is running in {folder}; wait for it, end it, or choose another name=…"
    with interruptible(), sole_use(folder, busy):
        check_unchanged(folder, trainer, training)
        write_record(folder, training)
        write_whole(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.structured(config)))
        report = _Report(folder, config, trainer, inputs, found)
        before = report.stages()
        if before:
            console.print(f"Going on after stage {before[-1].index} in {folder}", soft_wrap=True)
        with report.failures(), StageDisplay(console, trainer.stages, before) as display:
            observers: list[Observer] = [StageTable(folder), display, report]
            if config.tensorboard:
                observers += _tensorboard(folder / "tensorboard", before, console)
            result = trainer.train(inputs, folder, observers)
        figures = report.write(
            "trained" if result.stopped_early is None else "stopped early", result.stopped_early, result
        )
        _describe_detector(config, trainer, result)
    if result.stopped_early is not None and not config.accept_early_stop:
        raise result.stopped_early
    facts = [f"{result.stages} stages", result.summary, f"{figures['seconds']:.0f} s of training"]
    console.print(f"{result.model}: {', '.join(filter(None, facts))}", soft_wrap=True, highlight=False)
    return float(figures["false_alarm_rate"])


def _show_findings(inputs: Inputs, found: Findings, config: TrainConfig, console: Console) -> None:
    facts = [f"{inputs.samples} positives", f"{len(inputs.negatives)} negatives (some {inputs.windows:.3g} windows)"]
    console.print(", ".join(filter(None, [*facts, found.summary])), soft_wrap=True, highlight=False)
    for text in found.warnings:
        warn(console, text)
    if found.errors and config.preflight == "strict":
        raise TrainingError("\n".join(found.errors))
    for text in found.errors:
        warn(console, text, "will fail", "red")


def _tensorboard(folder: Path, before: list[Stage], console: Console) -> list[Observer]:
    try:
        from tensorboard.summary import Writer
    except ImportError:
        warn(console, "TensorBoard is not installed, so no files are written for it; tensorboard=false says so, too")
        return []
    return [TensorBoardStages(Writer(str(folder)), sum(stage.rounds for stage in before))]


def _describe_detector(config: TrainConfig, trainer: Trainer, result: Training) -> None:
    """Say beside a detector what it is, for those who use it."""
    described = {
        "name": config.name,
        "window": list(trainer.window),
        "stages": result.stages,
        "trainer": trainer.name,
        "box_adjustment": config.box_adjustment,
    }
    write_whole(result.model.with_suffix(".json"), json.dumps(described, indent=2) + "\n")


@dataclass
class _Report(Observer):
    """Writes `report.json`, however a training ends."""

    folder: Path
    config: TrainConfig
    trainer: Trainer
    inputs: Inputs
    found: Findings

    def noted(self, text: str) -> None:
        self.found.warnings.append(text)

    def stages(self) -> list[Stage]:
        """The finished stages, of all runs."""
        finished = self.trainer.finished(self.folder).stages
        return [stage for stage in read_stages(self.folder / CSV_NAME) if stage.index < finished]

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Report a failure or an interruption of the block."""
        try:
            yield
        except TrainingError as error:
            self.write("failed", error)
            raise
        except KeyboardInterrupt:
            self.write("interrupted")
            raise

    def write(
        self, outcome: str, reason: TrainingError | None = None, result: Training | None = None
    ) -> Mapping[str, Any]:
        """Write it, and return what it says."""
        stages = self.stages()
        report = {
            "name": self.config.name,
            "trainer": self.trainer.name,
            "outcome": outcome,
            "reason": None if reason is None else f"{type(reason).__name__}: {reason}",
            "stages": 0 if result is None else result.stages,
            "stages_finished": self.trainer.finished(self.folder).stages,
            "hit_rate": math.prod(stage.hit_rate for stage in stages),
            "false_alarm_rate": math.prod(stage.false_alarm_rate for stage in stages),
            "seconds": round(sum(stage.seconds for stage in stages), 1),
            "cascade_bytes": 0 if result is None else result.model.stat().st_size,
            "positives": {"vec": str(self.inputs.vec), "samples": self.inputs.samples},
            "negatives": {
                "bg": str(self.inputs.bg),
                "pictures": len(self.inputs.negatives),
                "windows": self.inputs.windows,
            },
            "options": dict(self.trainer.settings),
            **self.found.about,
            **({} if result is None else result.about),
            "warnings": self.found.warnings,
            "per_stage": [stage.figures() for stage in stages],
        }
        write_whole(self.folder / "report.json", json.dumps(report, indent=2) + "\n")
        return report
