"""Types and limits of the settings of `python -m cascade.evaluate`."""

from dataclasses import dataclass, field
from typing import Any

from cascade.errors import ConfigError
from cascade.evaluation.truth import FaceFilter


@dataclass
class SpeedSettings:
    """How speed is measured; configs/cascade/evaluate.yaml says what each means."""

    images: int
    threads: int
    repeats: int


@dataclass
class EvaluateSettings:
    """All settings; configs/cascade/evaluate.yaml holds their values and what they mean."""

    truth: str
    images: str | None
    format: str | None
    category: Any
    negatives: str | None
    limit: int | None
    detectors: list[Any]
    settings: dict[str, Any]
    iou: float
    false_positives: list[float]
    false_positives_per_image: list[float]
    sweep: list[int]
    fit_share: float
    seed: int
    threads: int | None
    speed: SpeedSettings
    tiles: int
    count: FaceFilter = field(default_factory=FaceFilter)

    def __post_init__(self) -> None:
        rules = {
            "iou above 0 and at most 1": 0 < self.iou <= 1,
            "values of sweep from 1 on": all(least >= 1 for least in self.sweep),
            "limit at least 1": self.limit is None or self.limit >= 1,
            "fit_share at least 0 and below 1": 0 <= self.fit_share < 1,
            "speed.repeats at least 1": self.speed.repeats >= 1,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise ConfigError(f"a setting cannot be used; needed is {', '.join(broken)}")
