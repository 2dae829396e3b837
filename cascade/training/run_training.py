"""A whole training, whoever trains: check, go on with what is there, train, report."""

import json
import math
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import OmegaConf
from rich.console import Console

from cascade.boxes import BoxAdjustment
from cascade.errors import ConfigError, TrainingError
from cascade.files import sole_use, write_whole
from cascade.terminal import progress_bar
from cascade.training.display import StageDisplay, warn
from cascade.training.preflight import inspect
from cascade.training.record import CSV_NAME, StageTable, TensorBoardStages, read_stages
from cascade.training.result_folder import begin_or_continue
from cascade.training.trainer import Findings, Inputs, Observer, Stage, Trainer, Training


@dataclass
class TrainConfig:
    """All settings of `python -m cascade.train`; `configs/cascade/train.yaml` has their meaning and defaults."""

    name: str
    samples: str | None
    vec: str | None
    bg: str | None
    trainer: dict[str, Any]
    options: dict[str, Any]
    tools: dict[str, Any]
    preflight: Annotated[Any, Literal["strict", "warn"]]
    accept_early_stop: bool
    tensorboard: bool
    box_adjustment: Annotated[Any, BoxAdjustment]

    def __post_init__(self) -> None:
        if self.samples is None and None in (self.vec, self.bg):
            raise ConfigError("Give samples=FOLDER, made by python -m cascade.prepare, or vec=FILE and bg=FILE")

    def inputs(self, window: tuple[int, int]) -> Inputs:
        """The files to train on a window, not looked at yet; another .vec has no pictures."""
        folder = Path(self.samples or "")
        vec = Path(self.vec or folder / "positives.vec")
        inputs = Inputs(vec.expanduser(), Path(self.bg or folder / "bg.txt").expanduser(), window)
        if self.vec is None:
            lists = [inputs.vec.with_name(name) for name in ("positives.dat", "ignore.dat")]
            lists.append(inputs.vec.parent / "held_out" / inputs.vec.name)
            inputs.pictures, inputs.ignore, inputs.held_out = (path if path.is_file() else None for path in lists)
        return inputs


def run_training(config: TrainConfig, trainer: Trainer, folder: Path, console: Console) -> float:
    """Train as configured into a folder, going on with what is there; returns the false-alarm rate on its negatives.

    Raises:
        OutputError: another training is running in the folder.
        ToolsError: a program that the trainer needs cannot be had.
        TrainingError: the training cannot start, failed, or stopped early.
    """
    inputs, found = _check(config, trainer, console)
    busy = f"Another training is running in {folder}; wait for it, end it, or choose another name=…"
    with sole_use(folder, busy):
        begin_or_continue(folder, trainer, inputs)
        write_whole(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.structured(config)))
        report = _Report(folder, config.name, trainer, inputs, found)
        before = report.stages()
        if before:
            console.print(f"Going on after stage {before[-1].index} in {folder}", soft_wrap=True)
        with closing(StageDisplay(console, trainer.stages, before)) as display:
            observers: list[Observer] = [StageTable(folder), display, report]
            if config.tensorboard and find_spec("tensorboard") is not None:
                observers.append(TensorBoardStages(folder / "tensorboard", sum(stage.rounds for stage in before)))
            elif config.tensorboard:
                warn(console, "TensorBoard is not installed, so nothing is written for it")
            try:
                result = trainer.train(inputs, folder, observers)
            except TrainingError as error:
                report.write("failed", error)
                raise
            except KeyboardInterrupt as error:
                report.write("interrupted", error)
                raise KeyboardInterrupt(
                    "interrupted; finished stages are kept, and the same command goes on"
                ) from error
        early = result.stopped_early
        figures = report.write("trained" if early is None else "stopped early", early, result)
        detector = {"name": config.name, "window": list(trainer.window), "stages": result.stages}
        detector |= {"trainer": trainer.name, "box_adjustment": asdict(BoxAdjustment(**config.box_adjustment))}
        write_whole(result.model.with_suffix(".json"), json.dumps(detector, indent=2) + "\n")
    if early is not None and not config.accept_early_stop:
        raise early
    facts = [f"{result.stages} stages", result.summary, f"{figures['seconds']:.0f} s of training"]
    console.print(f"{result.model}: {', '.join(filter(None, facts))}", soft_wrap=True, highlight=False)
    return float(figures["false_alarm_rate"])


def _check(config: TrainConfig, trainer: Trainer, console: Console) -> tuple[Inputs, Findings]:
    """Look at everything before anything is written, say what was found, and refuse what cannot succeed."""
    inputs = config.inputs(trainer.window)
    with progress_bar(console) as bar:
        general = inspect(
            inputs, trainer.uses, lambda listed: bar.track(listed, description="looking at the negatives")
        )
    found = trainer.check(inputs)
    found.errors[:0], found.warnings[:0] = general.errors, general.warnings
    facts = [f"{inputs.samples} positives", f"{len(inputs.negatives)} negatives (some {inputs.windows:.3g} windows)"]
    console.print(", ".join(filter(None, [*facts, found.summary])), soft_wrap=True, highlight=False)
    for text in found.warnings:
        warn(console, text)
    if found.errors and config.preflight == "strict":
        raise TrainingError("\n".join(found.errors))
    for text in found.errors:
        warn(console, text, "will fail", "red")
    return inputs, found


@dataclass
class _Report(Observer):
    """Writes `report.json`, however a training ends."""

    folder: Path
    name: str
    trainer: Trainer
    inputs: Inputs
    found: Findings

    def noted(self, text: str) -> None:
        self.found.warnings.append(text)

    def stages(self) -> list[Stage]:
        """The finished stages, of all runs."""
        finished = self.trainer.finished(self.folder).stages
        return [stage for stage in read_stages(self.folder / CSV_NAME) if stage.index < finished]

    def write(self, outcome: str, cause: BaseException | None = None, result: Training | None = None) -> dict[str, Any]:
        """Write it, and return what it says."""
        stages, inputs = self.stages(), self.inputs
        files = inputs.files(self.trainer.uses)
        report = {
            "name": self.name,
            "trainer": self.trainer.name,
            "outcome": outcome,
            "reason": f"{type(cause).__name__}: {cause}" if isinstance(cause, TrainingError) else None,
            "stages": result.stages if result else 0,
            "stages_finished": self.trainer.finished(self.folder).stages,
            "hit_rate": math.prod(stage.hit_rate for stage in stages),
            "false_alarm_rate": math.prod(stage.false_alarm_rate for stage in stages),
            "seconds": round(sum(stage.seconds for stage in stages), 1),
            "cascade_bytes": result.model.stat().st_size if result else 0,
            "positives": {**{name: path and str(path) for name, path in files.items()}, "samples": inputs.samples},
            "negatives": {"bg": str(inputs.bg), "pictures": len(inputs.negatives), "windows": inputs.windows},
            "options": dict(self.trainer.settings),
            **self.found.about,
            **(result.about if result else {}),
            "warnings": self.found.warnings,
            "per_stage": [stage.figures() for stage in stages],
        }
        write_whole(self.folder / "report.json", json.dumps(report, indent=2) + "\n")
        return report
