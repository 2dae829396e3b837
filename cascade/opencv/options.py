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


@dataclass
class TrainOptions:
    """How a cascade is trained; every name is the binary's own, and so is every default.

    The binary ignores unknown options and misspelt values in silence; here they are errors.

    Attributes:
        numPos: positives per stage; leave some of the .vec for the later stages.
        numNeg: negatives per stage, cut from the background pictures.
        numStages: stages to train.
        w: width of the detector's window in pixels.
        h: height of the detector's window in pixels.
        featureType: HAAR, LBP (much faster to train and to run, a little less exact) or HOG (OpenCV 3 and 4
            can train such a cascade, but not run it).
        mode: Haar features: BASIC upright, CORE upright with more shapes, ALL also tilted by 45°.
        bt: boosting: GAB gentle, DAB discrete, RAB real, LB logit.
        minHitRate: share of the positives that each stage must keep, 0..1.
        maxFalseAlarmRate: share of the negatives that each stage may keep, 0..1.
        weightTrimRate: share of the weight that trimming keeps per round, 0..1; 1 trims nothing.
        maxDepth: depth of a weak tree; 1 is a stump.
        maxWeakCount: weak trees per stage; a stage that reaches it ends, whatever its false-alarm rate.
        precalcValBufSize: buffer for feature values, in MB.
        precalcIdxBufSize: buffer for sorted indices, in MB.
        numThreads: threads; 0 leaves the choice to the binary.
        acceptanceRatioBreakValue: stop when so small a share of negatives is accepted; -1 never stops.
        stageType: BOOST is the only one.
        baseFormatSave: save Haar cascades in the format of OpenCV 1.
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
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"options.{name} is {getattr(self, name)!r}; it may be {', '.join(choices)}")
        for name in ("numPos", "numNeg", "numStages", "maxDepth", "maxWeakCount"):
            if getattr(self, name) < 1:
                raise ConfigError(f"options.{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("precalcValBufSize", "precalcIdxBufSize", "numThreads"):
            if getattr(self, name) < 0:
                raise ConfigError(f"options.{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("minHitRate", "maxFalseAlarmRate", "weightTrimRate"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"options.{name} is {getattr(self, name)}; it must be above 0 and at most 1")
        if min(self.w, self.h) < 8:
            raise ConfigError(f"options.w × options.h is {self.w}×{self.h}; both must be at least 8 pixels")
        if self.baseFormatSave and self.featureType != "HAAR":
            raise ConfigError("options.baseFormatSave works with featureType HAAR alone: the old format has no other")

    def arguments(self, data: Path | str, vec: Path | str, bg: Path | str) -> list[str]:
        """The binary's argument list, with every option spelt out."""
        arguments = ["-data", str(data), "-vec", str(vec), "-bg", str(bg)]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "mode" and self.featureType != "HAAR":
                continue
            if field.name == "numThreads" and value == 0:
                continue
            if field.name == "baseFormatSave":
                arguments += ["-baseFormatSave"] if value else []
                continue
            arguments += [f"-{field.name}", repr(value) if isinstance(value, float) else str(value)]
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
