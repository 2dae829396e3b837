"""The options of opencv_traincascade, typed, with the binary's defaults."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from cascade.errors import ConfigError

_CHOICES: dict[str, tuple[str, ...]] = {
    "stageType": ("BOOST",),
    "featureType": ("HAAR", "LBP", "HOG"),
    "mode": ("BASIC", "CORE", "ALL"),
    "bt": ("GAB", "DAB", "RAB", "LB"),
}
_LEAST = dict.fromkeys(("numPos", "numNeg", "numStages", "maxDepth", "maxWeakCount"), 1)
_LEAST |= {"precalcValBufSize": 0, "precalcIdxBufSize": 0, "numThreads": 0, "w": 8, "h": 8}
_RATES = ("minHitRate", "maxFalseAlarmRate", "weightTrimRate")


@dataclass
class TrainOptions:
    """How a cascade is trained; every name is the binary's own, and so is every default.

    The binary ignores unknown options and misspelt values in silence; here they are errors. What each means stands
    in `configs/cascade/trainer/opencv.yaml`; sizes are in pixels, rates 0..1, buffers in MB.
    """

    numPos: int = 2000  # noqa: N815  (the binary's names)
    numNeg: int = 1000  # noqa: N815
    numStages: int = 20  # noqa: N815
    w: int = 24
    h: int = 24
    featureType: str = "HAAR"  # noqa: N815
    mode: str = "BASIC"
    bt: str = "GAB"
    minHitRate: float = 0.995  # noqa: N815
    maxFalseAlarmRate: float = 0.5  # noqa: N815
    weightTrimRate: float = 0.95  # noqa: N815
    maxDepth: int = 1  # noqa: N815
    maxWeakCount: int = 100  # noqa: N815
    precalcValBufSize: int = 1024  # noqa: N815
    precalcIdxBufSize: int = 1024  # noqa: N815
    numThreads: int = 0  # noqa: N815
    acceptanceRatioBreakValue: float = -1.0  # noqa: N815
    stageType: str = "BOOST"  # noqa: N815
    baseFormatSave: bool = False  # noqa: N815

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value, kind = field.name, getattr(self, field.name), type(field.default)
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise ConfigError(f"options.{name} is {value!r}; it must be of type {kind.__name__}")
            if value not in (choices := _CHOICES.get(name, (value,))):
                raise ConfigError(f"options.{name} is {value!r}; it may be {', '.join(choices)}")
            if name in _LEAST and value < _LEAST[name]:
                raise ConfigError(f"options.{name} is {value}; it must be at least {_LEAST[name]}")
            if name in _RATES and not 0 < value <= 1:
                raise ConfigError(f"options.{name} is {value}; it must be above 0 and at most 1")
        if self.baseFormatSave and self.featureType != "HAAR":
            raise ConfigError("options.baseFormatSave works with featureType HAAR alone: the old format has no other")

    def arguments(self, data: Path | str, vec: Path | str, bg: Path | str) -> list[str]:
        """The binary's argument list, with every option spelt out."""
        arguments = ["-data", str(data), "-vec", str(vec), "-bg", str(bg)]
        for name, value in vars(self).items():
            unused = (name == "mode" and self.featureType != "HAAR") or (name == "numThreads" and value == 0)
            if value is not False and not unused:
                arguments += [f"-{name}"] if value is True else [f"-{name}", str(value)]
        return arguments

    @property
    def rejectable_per_stage(self) -> int:
        """How many of numPos positives a stage may throw away."""
        # The binary counts in 32 bits, where rounding may go another way: the larger is on the safe side
        in_32_bits = (np.float32(1) - np.float32(self.minHitRate)) * np.float32(self.numPos)
        return max(int(in_32_bits), int((1 - self.minHitRate) * self.numPos))

    @property
    def positives_needed(self) -> int:
        """Samples that the .vec must hold: numPos, and what the stages before the last may reject."""
        return self.numPos + (self.numStages - 1) * self.rejectable_per_stage
