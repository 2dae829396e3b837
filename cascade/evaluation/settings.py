"""Types and limits of the settings of `python -m cascade.evaluate`."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from cascade.evaluation.truth import FaceFilter
from cascade.ranges import Below, Count, Natural, NotNegative, Part, Seed
from cascade.samples.annotations import FORMATS


@dataclass
class SpeedSettings:
    """How speed is measured; configs/cascade/evaluate.yaml says what each means."""

    images: Natural
    threads: Count
    repeats: Count


@dataclass
class EvaluateSettings:
    """All settings; configs/cascade/evaluate.yaml holds their values and what they mean."""

    truth: str
    images: str | None
    format: Annotated[Any, Literal[FORMATS] | None]
    category: Any
    negatives: str | None
    limit: Count | None
    detectors: list[Any]
    settings: dict[str, Any]
    iou: Part
    false_positives: list[NotNegative]
    false_positives_per_image: list[NotNegative]
    sweep: list[Count]
    fit_share: Below
    seed: Seed
    threads: Count | None
    speed: SpeedSettings
    tiles: Natural
    count: FaceFilter = field(default_factory=FaceFilter)
