"""Find faces and read their expressions: `python detect.py photo.jpg`."""

import logging
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from cascade.command import is_multirun, output_dir, require, run_command, settings
from cascade.errors import ConfigError, OutputError
from cascade.files import remove_parts, sole_use
from cascade.pictures import silence_opencv
from cascade.ranges import Count, Natural, NotNegative, Share
from cascade.text import printable
from fer.inference.classifier import load_classifier
from fer.inference.live import LiveSource
from fer.inference.pipeline import work_through
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sinks.sink import RunContext, Sink
from fer.inference.sinks.terminal import TerminalSink
from fer.inference.sources import Files, find_source
from fer.inference.tables import JOB, read_outcomes, run_to_resume
from fer.inference.tracking import Tracking

log = logging.getLogger(__name__)

_PICTURES = ("annotated", "crops", "heatmaps", "timelines")
"""The subfolders of a run's folder that its sinks write pictures and films to."""


@dataclass
class SaveSettings:
    """What is left behind: a sink each, but for `json`, which is a matter of the table."""

    pictures: bool
    blur: bool
    crops: bool
    video: Annotated[Any, bool | str]
    json: bool
    report: bool
    guard_cells: bool


@dataclass
class Shard:
    """Which part of a source this run is about."""

    index: Natural
    count: Count


@dataclass
class DetectSettings:
    """Names and types of all settings; `configs/detect.yaml` has their values and says what they mean."""

    source: Any
    detector: Any
    classifier: str
    detect_side: Count | None
    threads: Count | None
    unsure_below: Share | None
    tracking: Tracking
    save: SaveSettings
    explain: bool
    show: Annotated[Any, bool | Literal["auto"]]
    seconds: NotNegative | None
    max_retries: Natural
    resume: Annotated[Any, bool | str]
    shard: Shard
    sink: dict[str, Any]


ConfigStore.instance().store(name="detect_schema", node=DetectSettings)


def detect(config: DictConfig) -> None:
    """Look at a source as configured; the exit status tells how it went.

    It is 0, 1 if some inputs could not be read, 2 if a live source was lost, 130 after an interruption.
    """
    chosen, folder = settings(config, DetectSettings), output_dir()
    if chosen.save.blur and (chosen.save.crops or chosen.explain):
        raise ConfigError("save.blur hides the faces that save.crops and explain show: choose")
    source = find_source(chosen.source, chosen.max_retries, chosen.seconds)
    live = isinstance(source, LiveSource)
    if isinstance(source, Files):
        source = source.shard(chosen.shard.index, chosen.shard.count)
    if chosen.threads is not None:
        cv2.setNumThreads(chosen.threads)
    silence_opencv()
    if isinstance(source, Files):
        _check_targets(chosen.save.video, source, folder)
        if source.skipped:
            log.warning("left out, as neither pictures nor videos: %s", printable(source.skipped))
    detector, classifier = instantiate(config.detector), load_classifier(chosen.classifier, chosen.threads)
    recogniser = ExpressionRecognizer(
        detector, classifier, detect_side=chosen.detect_side, tracking=chosen.tracking, unsure_below=chosen.unsure_below
    )
    explainer = None
    if chosen.explain:  # imports torch
        require("explain")
        from fer.inference.explain import Explainer

        explainer = Explainer(classifier)
    job = _job(config, recogniser, source.name)
    if chosen.resume is not False:
        if live:
            raise ConfigError("a live source cannot be resumed; leave resume out")
        folder = run_to_resume(chosen.resume, job, folder.parents[1 if is_multirun() else 0])
        with suppress(OSError):  # Hydra made it for a new run; where results are in it, it stays
            output_dir().rmdir()
    root = source.root if isinstance(source, Files) else None
    run = RunContext(folder, recogniser, {**job, "inputs": len(source)}, explainer, root, chosen.save.blur)
    status = 0
    with ExitStack() as stack:
        stack.enter_context(
            sole_use(folder, f"another run is writing to {folder}; wait for it, or name another folder")
        )
        if chosen.resume is False and (folder / JOB).exists():
            raise OutputError(f"{folder} holds the results of an earlier run; resume={folder} goes on with it")
        remove_parts(folder, *_PICTURES)
        if done := read_outcomes(folder):
            log.warning("resuming: %d of %d inputs were done before", len(done), len(source))
        sinks = [TerminalSink(run, len(source), outcomes := dict(done)), *_sinks(config, run, live)]
        try:
            work_through(source.inputs(done), run, [stack.enter_context(sink) for sink in sinks])
        except KeyboardInterrupt:
            status = 130
    if (left := len(source) - len(outcomes)) > 0:
        log.warning("interrupted with %d inputs left; the same command with resume=true goes on", left)
        status = 130
    if status == 0 and any(outcome.error for outcome in outcomes.values()):
        status = 2 if live else 1
    # other shards of a multirun go on; `python -m fer.inference.join` tells what failed in any of them
    if status and not is_multirun():
        sys.exit(status)


def _job(config: DictConfig, recogniser: ExpressionRecognizer, source: str) -> dict[str, Any]:
    """What two runs must share so that one can go on with the other, as plain values."""
    commit, classes = recogniser.info.commit, list(recogniser.classes)
    return {
        "source": source,
        "detector": OmegaConf.to_container(config.detector, resolve=True),
        "classifier": {"model": config.classifier, "commit": commit, "classes": classes},
        "crop": vars(recogniser.crop),
        "detect_side": config.detect_side,
        "unsure_below": recogniser.unsure_below,
        "tracking": vars(recogniser.tracking),
        "shard": dict(config.shard),
        "guard_cells": config.save.guard_cells,
    }


def _check_targets(video: Any, source: Files, folder: Path) -> None:
    """Refuse to write over what is looked at, and one file for the annotated videos of several."""
    made = [(folder / name).resolve() for name in _PICTURES]
    if inside := [path for path in source.paths if any(path.resolve().is_relative_to(one) for one in made)]:
        raise ConfigError(f"{inside[0]} lies where this run writes its own pictures; choose another folder for results")
    if video in (True, False, "auto"):
        return
    path = Path(str(video)).expanduser()
    if len(source.videos) > 1:
        raise ConfigError(f"save.video={video} is one file for {len(source.videos)} videos; true makes one of each")
    if path.exists() and any(path.samefile(own) for own in source.paths):
        raise ConfigError(f"save.video={video} is looked at itself; name another file")


def _sinks(config: DictConfig, run: RunContext, live: bool) -> list[Sink]:
    """The sinks that the command's switches ask for, and any that was added to the config."""
    save, automatic = config.save, {"film": not live, "window": live}
    switches = {"pictures": save.pictures, "crops": save.crops, "film": save.video, "report": save.report}
    switches |= {"window": config.show, "heat_maps": config.explain}
    wanted = {name: automatic[name] if switch == "auto" else switch for name, switch in switches.items()}
    return [instantiate(sink)(run) for name, sink in config.sink.items() if wanted.get(str(name), True)]


def main() -> None:
    """Run the command."""
    run_command(detect, "detect", positional=("source",))


if __name__ == "__main__":
    main()
