"""Find faces and read their expressions: `python detect.py photo.jpg`."""

import logging
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import cv2
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from cascade.command import interruptible, is_multirun, output_dir, require, run_command, settings
from cascade.errors import ConfigError
from fer.inference.classifier import load_classifier
from fer.inference.live import LiveSource
from fer.inference.pipeline import work_through
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sinks.sink import RunContext, Sink
from fer.inference.sinks.terminal import TerminalSink
from fer.inference.sources import Files, find_source
from fer.inference.tables import read_outcomes, run_to_resume
from fer.inference.tracking import Tracking

log = logging.getLogger(__name__)


@dataclass
class SaveSettings:
    """What is left behind: a sink each, but for `json`, which is a matter of the table."""

    pictures: bool
    crops: bool
    video: Any
    json: bool


@dataclass
class DetectSettings:
    """Names and types of all settings; `configs/detect.yaml` has their values and says what they mean."""

    source: Any
    detector: Any
    classifier: str
    detect_side: int | None
    threads: int | None
    unsure_below: float | None
    tracking: Tracking
    save: SaveSettings
    explain: bool
    show: Any
    seconds: float | None
    max_retries: int
    resume: Any
    shard: dict[str, int]
    sink: dict[str, Any]

    def __post_init__(self) -> None:
        for name, value in (("detect_side", self.detect_side), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be 1 or more, or null, not {value}")
        if self.unsure_below is not None and not 0 <= self.unsure_below <= 1:
            raise ConfigError(f"unsure_below must be a probability, 0 to 1, or null, not {self.unsure_below}")
        if self.show not in (True, False, "auto"):
            raise ConfigError(f"show is {self.show!r}; it may be auto, true or false")


ConfigStore.instance().store(name="detect_schema", node=DetectSettings)


def detect(config: DictConfig) -> None:
    """Look at a source as configured; the exit status tells how it went.

    It is 0, 1 if some inputs could not be read, 2 if a live source was lost, 130 after an interruption.
    """
    chosen, folder = settings(config, DetectSettings), output_dir()
    source = find_source(chosen.source, chosen.max_retries, chosen.seconds)
    live = isinstance(source, LiveSource)
    if isinstance(source, Files):
        source = source.shard(chosen.shard["index"], chosen.shard["count"])
    if chosen.threads is not None:
        cv2.setNumThreads(chosen.threads)
    # Every failure that OpenCV and its FFmpeg log is an error of ours
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
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
    if done := read_outcomes(folder):
        log.warning("resuming: %d of %d inputs were done before", len(done), len(source))
    run = RunContext(folder, recogniser, job, explainer)
    sinks = [TerminalSink(run, len(source), outcomes := dict(done)), *_sinks(config, run, live)]
    status = 0
    with interruptible(), ExitStack() as stack:
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
    }


def _sinks(config: DictConfig, run: RunContext, live: bool) -> list[Sink]:
    """The sinks that the command's switches ask for, and any that was added to the config."""
    save, automatic = config.save, {"film": not live, "window": live}
    switches = {"pictures": save.pictures, "crops": save.crops, "film": save.video}
    switches |= {"window": config.show, "heat_maps": config.explain}
    wanted = {name: automatic[name] if switch == "auto" else switch for name, switch in switches.items()}
    return [instantiate(sink)(run) for name, sink in config.sink.items() if wanted.get(str(name), True)]


def main() -> None:
    """Run the command."""
    run_command(detect, "detect", positional=("source",))


if __name__ == "__main__":
    main()
