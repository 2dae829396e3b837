"""What can be set of a convolutional cascade's training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from cascade.checked import check_values
from cascade.convolutional.examples import Variation
from cascade.ranges import Count, Natural, NotNegative, Part, Positive, Seed, Share


@dataclass(kw_only=True)
class StageOptions:
    """What all stages have.

    Attributes:
        rounds: of learning; before each but the scan's first the pictures are searched for what is mistaken.
        steps: batches a round.
        batch: examples a batch.
        rate: highest learning rate.
        recall: share that the stage keeps of the held-out objects that reach it, while the next one is trained.
        final_recall: the same in the finished detector: the lower, the fewer windows the next stage looks at.
    """

    rounds: Count
    steps: Count
    batch: Count
    rate: Positive
    recall: Part
    final_recall: Part

    def __post_init__(self) -> None:
        check_values(type(self), vars(self))


@dataclass(kw_only=True)
class ScanOptions(StageOptions):
    """The first stage, which scans pictures halved again and again.

    Attributes:
        size: mean side in pixels of the smallest object that it finds; the largest is twice as large.
        channels, deep: of `ScanNetwork`.
    """

    size: Positive
    channels: Sequence[Count]
    deep: Sequence[Count]


@dataclass(kw_only=True)
class LookOptions(StageOptions):
    """A stage that looks at single windows again.

    Attributes:
        size: mean side in pixels of what it sees.
        context: sides of that, in those of the window.
        jitter: of the windows on objects that it learns from, standard deviations of their offset in sizes and of the
            logarithm of their size: about what the stage before is wrong by.
        channels, hidden: of `WindowNetwork`.
        passes: how often it looks, each time where it found the object before.
    """

    size: Positive
    context: Positive
    jitter: Annotated[Sequence[NotNegative], Meta(min_length=2, max_length=2)]
    channels: Sequence[Count]
    hidden: Count
    passes: Count


@dataclass(kw_only=True)
class Options:
    """A training's options; `configs/cascade/trainer/convolutional.yaml` has their defaults.

    Attributes:
        w, h: the object's box in the samples, of which the aspect matters.
        scan: the first stage.
        looks: the others by name, in their order.
        variation: how examples are varied.
        fewest: mistaken windows that are worth another round or stage.
        held_out: share of the pictures that thresholds are set on.
        seed: of everything that is drawn.
        smallest: width in pixels of the smallest object that the detector looks for.
        threshold: least score of what it delivers.
        max_windows: of a picture that its later stages look at.
        int8: whether the convolutions of what is written compute in 8 bits.
        accelerator: auto, cpu or gpu.
        precision: as Lightning takes it; auto: bf16-mixed where the processor has it.
        workers: processes that draw examples; None: half of the processors.
        threads: of torch; None: the other processors.
        memory: gigabytes of decoded pictures that are kept.
    """

    w: Count
    h: Count
    scan: ScanOptions
    looks: dict[str, LookOptions]
    variation: Variation = field(default_factory=Variation)
    fewest: Natural
    held_out: Annotated[float, Meta(gt=0, lt=1)]
    seed: Seed
    smallest: Positive
    threshold: Share
    max_windows: Count
    int8: bool
    accelerator: Literal["auto", "cpu", "gpu"]
    precision: str
    workers: Natural | None
    threads: Count | None
    memory: NotNegative

    def __post_init__(self) -> None:
        check_values(type(self), vars(self))

    @property
    def stages(self) -> list[ScanOptions | LookOptions]:
        """All stages in their order."""
        return [self.scan, *self.looks.values()]

    @property
    def aspect(self) -> float:
        """Width over height of objects."""
        return self.w / self.h
