"""Faces sorted into a folder per class by a model's guess, for a person to correct: `python -m fer.label holiday/`."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig

from cascade.command import run_command, settings
from cascade.errors import ConfigError, OutputError
from cascade.pictures import silence_opencv
from cascade.ranges import Count, NotNegative
from fer.inference.classifier import load_classifier
from fer.inference.pipeline import work_through
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sinks.label import LabelSink
from fer.inference.sinks.sink import RunContext
from fer.inference.sinks.terminal import TerminalSink
from fer.inference.sources import Files, find_source
from fer.inference.tables import Outcome
from fer.inference.tracking import Tracking


@dataclass
class LabelSettings:
    """Names and types of all settings; `configs/label.yaml` has their values and says what they mean."""

    source: Any
    out: str
    detector: Any
    classifier: str
    detect_side: Count | None
    every_s: NotNegative
    smallest: Count
    threads: Count | None


ConfigStore.instance().store(name="label_schema", node=LabelSettings)


def label(config: DictConfig) -> None:
    """Write the faces of a source into `out/<class>/`; the exit status is 1 if some inputs could not be read.

    Raises:
        ConfigError: the source is live.
        OutputError: there is something at `out` already.
    """
    chosen = settings(config, LabelSettings)
    source, out = find_source(chosen.source), Path(chosen.out).expanduser()
    if not isinstance(source, Files):
        raise ConfigError("faces are labelled from files; write a live source to a video first: detect.py save.video=…")
    if out.exists():
        raise OutputError(f"{out} is there already, and may have been corrected by hand; name another folder with out=")
    if chosen.threads is not None:
        cv2.setNumThreads(chosen.threads)
    silence_opencv()
    detector, classifier = instantiate(config.detector), load_classifier(chosen.classifier, chosen.threads)
    tracking = Tracking(half_life_s=0)  # what each face looks like by itself
    recogniser = ExpressionRecognizer(detector, classifier, detect_side=chosen.detect_side, tracking=tracking)
    run = RunContext(out, recogniser, {})
    outcomes: dict[str, Outcome] = {}
    sinks = [LabelSink(run, chosen.every_s, chosen.smallest), TerminalSink(run, len(source), outcomes)]
    with ExitStack() as stack:
        work_through(source.inputs(), run, [stack.enter_context(sink) for sink in sinks])
    if out.exists():
        print(f"put right what is wrong by moving files, then: python train.py experiment=own_classes data.path={out}")
    if any(outcome.error for outcome in outcomes.values()):
        sys.exit(1)


def main() -> None:
    """Run the command."""
    run_command(label, "label", positional=("source",))


if __name__ == "__main__":
    main()
