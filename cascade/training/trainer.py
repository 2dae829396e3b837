"""What every trainer of a detector is: what it is given, what it tells on the way, what it gives back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any, Protocol

from cascade.errors import EarlyStop


@dataclass
class Stage:
    """One stage of a detector, as far as it is trained; ratios and rates are 0 to 1, nan where not known."""

    index: int  # its number, from 0
    positives: int = 0  # that the stages before accept
    positives_consumed: int = 0  # looked at for that
    negatives: int = 0  # that the stages before accept, wrongly
    acceptance_ratio: float = nan  # share of the negatives looked at that those are: what all stages before let pass
    # What only this kind of trainer counts, by name; first the rounds that the stage took: `weak` trees, `epochs`
    own: dict[str, float] = field(default_factory=dict)
    hit_rate: float = nan  # share of the positives that the stage accepts
    false_alarm_rate: float = nan  # share of the negatives that it accepts
    seconds: float = 0.0
    finished: bool = False  # trained to its end and saved

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


@dataclass
class Inputs:
    """What a detector is trained on; preflight's `inspect` looks at the files and fills in the rest."""

    vec: Path  # file of the positives, cut to the window
    bg: Path  # list of the negatives
    window: tuple[int, int]  # width and height of the detector's window in pixels, as the trainer wants it
    samples: int = 0  # positives: in the .vec, or boxes in the pictures; 0 where those cannot be used
    # Pictures of the list, absolute paths: JPEG, PNG, BMP or PNM, no smaller than the window
    negatives: list[Path] = field(default_factory=list)
    windows: int = 0  # about so many do they hold
    # Lists of the positives' pictures with their boxes, and of the regions in these that are neither positives nor
    # negatives, both for `read_objects`; None where there is only a .vec, or no region
    pictures: Path | None = None
    ignore: Path | None = None
    held_out: Path | None = None  # .vec of positives that are not to be learned from; None where there is none

    def files(self, uses: Collection[str]) -> dict[str, Path | None]:
        """The positives' files that a trainer uses, by name."""
        return {name: getattr(self, name) for name in uses}


@dataclass
class Findings:
    """What a check found."""

    errors: list[str] = field(default_factory=list)  # what will go wrong
    warnings: list[str] = field(default_factory=list)  # what may
    summary: str = ""  # the size of the task in a few words
    about: dict[str, Any] = field(default_factory=dict)  # more for the report


@dataclass(frozen=True)
class Finished:
    """What a folder holds: finished stages without a gap, and settings, as far as files tell those."""

    stages: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """A training that came to its end."""

    model: Path  # the detector's file in the folder, such as `cascade.xml`
    stages: int
    summary: str = ""  # how large it is, in a few words
    stopped_early: EarlyStop | None = None  # why there are fewer stages than asked for
    about: Mapping[str, Any] = field(default_factory=dict)  # more for the report


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
    """

    name: str  # of its config
    window: tuple[int, int]  # width and height of the detector's window in pixels
    stages: int  # asked for
    # What it takes of the positives, named as in `Inputs`: `("vec",)`, or whole pictures, `("pictures", "ignore")`
    uses: Collection[str]
    settings: Mapping[str, Any]  # its options, plain values: recorded, and compared before a training is continued

    def may_change(self, name: str, old: Any, new: Any) -> bool:
        """Whether a training may be continued with another value of an option: how fast it is, or more stages."""

    def check(self, inputs: Inputs) -> Findings:
        """Find what would go wrong, cheaply; what was found of the inputs themselves is not repeated."""

    def finished(self, folder: Path) -> Finished:
        """Tell what a folder, which need not exist, holds of an earlier training."""

    def train(self, inputs: Inputs, folder: Path, observers: Sequence[Observer]) -> Training:
        """Train until the last stage or an end, going on after the finished stages of the folder.

        A stage is saved when it is finished; one that was cut short is trained again. An early stop is told in the
        training that is returned, and not raised.

        Raises:
            TrainingError: it failed; finished stages are kept.
            KeyboardInterrupt: it was stopped from outside; nothing of it runs on, finished stages are kept.
        """
