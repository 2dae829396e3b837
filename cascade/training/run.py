"""A whole training: check, compile the binaries if need be, train, report."""

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import MISSING, OmegaConf
from rich.console import Console
from rich.progress import Progress

from cascade.errors import ConfigError, TrainingError
from cascade.opencv.failures import count_stages
from cascade.opencv.log import Stage
from cascade.opencv.options import TrainOptions
from cascade.opencv.tools.find import FACES_VEC, Tools
from cascade.opencv.tools.install import ensure_tools, install_tools
from cascade.opencv.traincascade import Observer, TrainCascade
from cascade.training.display import StageDisplay
from cascade.training.preflight import Preflight, inspect
from cascade.training.record import CSV_NAME, StageTable, TensorBoardStages, read_stages
from cascade.training.result_folder import check_unchanged, count_finished, describe, remove_unfinished, write_record

OPENCV_FACES = "opencv_faces"


@dataclass
class ToolPaths:
    """Paths of OpenCV's binaries; None uses those on PATH, or else those of the cache."""

    createsamples: str | None = None
    traincascade: str | None = None


@dataclass
class TrainConfig:
    """All settings of `python -m cascade.train`.

    Attributes:
        name: names the result folder; the same name goes on with the same training.
        samples: a folder made by `python -m cascade.prepare`.
        vec: the positives; by default the `positives.vec` of `samples`. `opencv_faces` stands for OpenCV's
            own 16,520 faces of 24×24 pixels, which come with the binaries.
        bg: the list of negatives; by default the `bg.txt` of `samples`.
        options: the binary's own options.
        tools: OpenCV's binaries.
        preflight: `strict` refuses a training that the check finds will fail; `warn` only says so.
        accept_early_stop: take fewer stages than asked for as a success.
        tensorboard: write event files for TensorBoard.
    """

    name: str = MISSING
    samples: str | None = None
    vec: str | None = None
    bg: str | None = None
    options: TrainOptions = field(default_factory=TrainOptions)
    tools: ToolPaths = field(default_factory=ToolPaths)
    preflight: str = "strict"
    accept_early_stop: bool = False
    tensorboard: bool = True

    def __post_init__(self) -> None:
        if self.preflight not in ("strict", "warn"):
            raise ConfigError(f"preflight is {self.preflight!r}; it may be strict or warn")
        if self.samples is None and None in (self.vec, self.bg):
            raise ConfigError("Give samples=FOLDER, made by python -m cascade.prepare, or vec=FILE and bg=FILE")

    def inputs(self) -> tuple[Path, Path]:
        """The .vec file and the list of negatives."""
        folder = Path(self.samples or "")
        vec, bg = self.vec or folder / "positives.vec", self.bg or folder / "bg.txt"
        return Path(vec).expanduser(), Path(bg).expanduser()


def run_training(config: TrainConfig, folder: Path, console: Console) -> float:
    """Train as configured into a folder, going on with what is there.

    Returns:
        The false-alarm rate of the whole cascade on its training negatives.

    Raises:
        ToolsError: OpenCV's binaries cannot be had.
        TrainingError: the training cannot start, failed, or stopped early.
    """
    if config.vec == OPENCV_FACES:
        data = install_tools(console=console).data
        assert data is not None
        config = replace(config, vec=str(data / FACES_VEC))
    vec, bg = config.inputs()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking at the negatives", total=None)
        found = inspect(vec, bg, config.options, lambda done, total: bar.update(task, completed=done, total=total))
    _report_preflight(found, config, console)
    training = describe(config.options, vec, found.backgrounds)
    check_unchanged(folder, training)
    tools = ensure_tools(config.tools.createsamples, config.tools.traincascade, console)
    for path in remove_unfinished(folder):
        console.print(f"{path.name} was cut short; its stage is trained again", soft_wrap=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, training)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.structured(config)), encoding="utf-8")

    before = [stage for stage in read_stages(folder / CSV_NAME) if stage.index < count_finished(folder)]
    if before:
        console.print(f"Going on after stage {before[-1].index} in {folder}", soft_wrap=True)
    trainer = TrainCascade(tools, folder, vec, found.backgrounds, config.options)
    with _reported_failure(folder, config, found, tools), ExitStack() as stack:
        display = stack.enter_context(StageDisplay(console, config.options.numStages, before))
        observers: list[Observer] = [StageTable(folder), display]
        if config.tensorboard:
            weak = sum(stage.weak for stage in before)
            observers.append(TensorBoardStages(folder / "tensorboard", weak))
        trainer.observers = observers
        result = trainer.run()
    report = _report(folder, config, found, tools)
    report.update(
        outcome="trained" if result.stopped_early is None else "stopped early",
        reason=None if result.stopped_early is None else str(result.stopped_early),
        command=result.command,
    )
    _write_report(folder, report)
    for warning in report["warnings"]:
        console.print(f"[yellow]warning:[/] {warning}", soft_wrap=True)
    if result.stopped_early is not None and not config.accept_early_stop:
        raise result.stopped_early
    console.print(
        f"{result.cascade}: {result.stages} stages, {report['weak_trees']} weak trees, "
        f"{report['seconds']:.0f} s of training",
        soft_wrap=True,
        highlight=False,
    )
    return float(report["false_alarm_rate"])


def _report_preflight(found: Preflight, config: TrainConfig, console: Console) -> None:
    console.print(
        f"{found.samples} positives, {len(found.backgrounds)} negatives (some {found.windows:.3g} windows), "
        f"{found.features} features, {found.memory / 2**20:.0f} MB of buffers",
        soft_wrap=True,
        highlight=False,
    )
    for warning in found.warnings:
        console.print(f"[yellow]warning:[/] {warning}", soft_wrap=True)
    if found.errors and config.preflight == "strict":
        raise type(found.errors[0])("\n".join(str(error) for error in found.errors))
    for error in found.errors:
        console.print(f"[red]will fail:[/] {error}", soft_wrap=True)


@contextmanager
def _reported_failure(folder: Path, config: TrainConfig, found: Preflight, tools: Tools) -> Iterator[None]:
    try:
        yield
    except (TrainingError, KeyboardInterrupt) as error:
        report = _report(folder, config, found, tools)
        interrupted = isinstance(error, KeyboardInterrupt)
        report["outcome"] = "interrupted" if interrupted else "failed"
        report["reason"] = None if interrupted else f"{type(error).__name__}: {error}"
        _write_report(folder, report)
        raise


def _report(folder: Path, config: TrainConfig, found: Preflight, tools: Tools) -> dict[str, Any]:
    stages = [stage for stage in read_stages(folder / CSV_NAME) if stage.index < count_finished(folder)]
    options = config.options
    full = [stage.index for stage in stages if _unfinished_business(stage, options)]
    warnings = list(found.warnings)
    if full:
        warnings.append(
            f"stages {full} ended at maxWeakCount {options.maxWeakCount} above maxFalseAlarmRate "
            f"{options.maxFalseAlarmRate}: raise options.maxWeakCount, or give more or better samples"
        )
    cascade = folder / "cascade.xml"
    vec, bg = config.inputs()
    return {
        "name": config.name,
        "outcome": None,
        "reason": None,
        "stages": count_stages(cascade) or 0,
        "stages_finished": count_finished(folder),
        "weak_trees": sum(stage.weak for stage in stages),
        "hit_rate": math.prod(stage.hit_rate for stage in stages),
        "false_alarm_rate": math.prod(stage.false_alarm_rate for stage in stages),
        "seconds": round(sum(stage.seconds for stage in stages), 1),
        "cascade_bytes": cascade.stat().st_size if cascade.is_file() else 0,
        "positives": {"vec": str(vec), "samples": found.samples},
        "negatives": {"bg": str(bg), "pictures": len(found.backgrounds), "windows": found.windows},
        "features": found.features,
        "buffers_mb": round(found.memory / 2**20),
        "options": asdict(options),
        "tools": {"traincascade": str(tools.traincascade), "origin": tools.origin},
        "warnings": warnings,
        "per_stage": [asdict(stage) for stage in stages],
    }


def _unfinished_business(stage: Stage, options: TrainOptions) -> bool:
    return stage.weak >= options.maxWeakCount and stage.false_alarm_rate > options.maxFalseAlarmRate


def _write_report(folder: Path, report: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
