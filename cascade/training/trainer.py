"""What every trainer of a detector is: what it is given, what it tells on the way, what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cascade.errors import EarlyStop


@dataclass
class Stage:
    """One stage of a detector, as far as it is trained.

    Attributes:
        index: its number, from 0.
        positives: positives that the stages before accept.
        positives_consumed: positives looked at for that.
        negatives: negatives that the stages before accept, wrongly.
        acceptance_ratio: share of the negatives looked at that those are: what all stages before let pass.
        own: what only this kind of trainer counts, by name; first the rounds that the stage took, such as `weak` trees
            or `epochs`.
        hit_rate: share of the positives that the stage accepts.
        false_alarm_rate: share of the negatives that the stage accepts.
        seconds: time it took.
        finished: whether it was trained to its end and saved.
    """

    index: int
    positives: int = 0
    positives_consumed: int = 0
    negatives: int = 0
    acceptance_ratio: float = float("nan")
    own: dict[str, float] = field(default_factory=dict)
    hit_rate: float = float("nan")
    false_alarm_rate: float = float("nan")
    seconds: float = 0.0
    finished: bool = False

    @property
    def rounds(self) -> int:
        """The rounds of training that it took so far."""
        return int(next(iter(self.own.values()), 0))

    def figures(self) -> dict[str, float]:
        """All its figures by name, in the order in which they are shown and kept."""
        figures: dict[str, float] = {}
        for name, value in vars(self).items():
            if name != "finished":
                figures |= value if name == "own" else {name: value}
        return figures


@dataclass(frozen=True)
class Inputs:
    """What a detector is trained on, looked at.

    Attributes:
        vec: file of the positives.
        bg: list of the negatives.
        window: width and height of the detector's window in pixels, as the trainer wants it.
        samples: samples in the .vec; 0 where it cannot be used.
        negatives: pictures of the list, absolute paths: JPEG, PNG, BMP or PNM, no smaller than the window.
        windows: about so many windows do they hold.
    """

    vec: Path
    bg: Path
    window: tuple[int, int]
    samples: int = 0
    negatives: list[Path] = field(default_factory=list)
    windows: int = 0


@dataclass
class Findings:
    """What a check found: what will go wrong, what may, the size of the task in a few words, more for the report."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    summary: str = ""
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """What a folder holds: finished stages without a gap, and settings, as far as files tell those."""

    stages: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """A training that came to its end.

    Attributes:
        model: the detector's file in the folder, such as `cascade.xml`.
        stages: stages that it has.
        summary: how large it is, in a few words.
        stopped_early: why there are fewer stages than asked for; None when all are there.
        about: more for the report.
    """

    model: Path
    stages: int
    summary: str = ""
    stopped_early: EarlyStop | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


class Observer:
    """Is told of a training's progress; subclasses heed what they want to."""

    def update(self, stage: Stage | None, activity: str) -> None:
        """Called often: the last stage that has begun, and what the trainer is doing just now."""

    def stage_finished(self, stage: Stage) -> None:
        """Called once for each stage that is trained to its end and saved."""

    def noted(self, text: str) -> None:
        """Called with what the user should know, but need not act on at once."""


class Trainer(Protocol):
    """Trains a detector in stages.

    Each is a module, and a file in `configs/cascade/trainer` that names it by `_target_` and holds its options. What
    concerns all of them is done around it: checks of files and windows, `stages.csv`, display, report, the lock on the
    folder, SIGTERM as Ctrl-C.

    Attributes:
        name: the name of its config.
        window: width and height of the detector's window in pixels.
        stages: the number of stages asked for.
        settings: its options, plain values; they are recorded, and compared before a training is continued.
    """

    name: str
    window: tuple[int, int]
    stages: int
    settings: Mapping[str, Any]

    def may_change(self, name: str, old: Any, new: Any) -> bool:
        """Whether a training may be continued with another value of an option: how fast it is, or more stages."""

    def check(self, inputs: Inputs) -> Findings:
        """Find what would go wrong, cheaply; what was found of the inputs themselves is not repeated."""

    def finished(self, folder: Path) -> Finished:
        """Tell what a folder, which need not exist, holds of an earlier training."""

    def train(self, inputs: Inputs, folder: Path, observers: Sequence[Observer]) -> Training:
        """Train until the last stage or an end, going on after the finished stages of the folder.

        A stage is saved when it is finished; one that was cut short is trained again.

        Returns:
            The training; an early stop is in it, and not raised.

        Raises:
            TrainingError: it failed; finished stages are kept.
            KeyboardInterrupt: it was stopped from outside; nothing of it runs on, finished stages are kept.
        """
