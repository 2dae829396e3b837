"""The options of opencv_traincascade, and what a training with them needs: positives, negatives, bytes of memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from cascade.checked import check_values
from cascade.errors import ConfigError
from cascade.ranges import Count, Natural, Part
from cascade.training.memory import available_memory
from cascade.training.trainer import Findings, Inputs

Side = Annotated[int, Meta(ge=8)]
# Haar features by their cells, across and down
_BASIC = ((2, 1), (1, 2), (3, 1), (1, 3), (2, 2))
_CORE = (*_BASIC, (4, 1), (1, 4), (3, 3))
_TILTED = ((2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4))
LESS_MEMORY = "Lower options.precalcValBufSize and options.precalcIdxBufSize, taken twice, or numPos and numNeg."


@dataclass
class TrainOptions:
    """How a cascade is trained; every name is the binary's own, and so is every default.

    The binary ignores unknown options and misspelt values in silence; here they are errors. What each means stands
    in `configs/cascade/trainer/opencv.yaml`; sizes are in pixels, rates 0..1, buffers in MB.
    """

    numPos: Count = 2000  # noqa: N815  (the binary's names)
    numNeg: Count = 1000  # noqa: N815
    numStages: Count = 20  # noqa: N815
    w: Side = 24
    h: Side = 24
    featureType: Literal["HAAR", "LBP", "HOG"] = "HAAR"  # noqa: N815
    mode: Literal["BASIC", "CORE", "ALL"] = "BASIC"
    bt: Literal["GAB", "DAB", "RAB", "LB"] = "GAB"
    minHitRate: Part = 0.995  # noqa: N815
    maxFalseAlarmRate: Part = 0.5  # noqa: N815
    weightTrimRate: Part = 0.95  # noqa: N815
    maxDepth: Count = 1  # noqa: N815
    maxWeakCount: Count = 100  # noqa: N815
    precalcValBufSize: Natural = 1024  # noqa: N815
    precalcIdxBufSize: Natural = 1024  # noqa: N815
    numThreads: Natural = 0  # noqa: N815
    acceptanceRatioBreakValue: float = -1.0  # noqa: N815
    stageType: Literal["BOOST"] = "BOOST"  # noqa: N815
    baseFormatSave: bool = False  # noqa: N815

    def __post_init__(self) -> None:
        check_values(TrainOptions, vars(self), "options.")
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


def check_requirements(inputs: Inputs, options: TrainOptions) -> Findings:
    """Check the numbers of a training against each other; what the inputs themselves lack is not repeated."""
    features = count_features(options)
    memory, available = buffer_bytes(options, features), available_memory()
    size = f"{memory / 2**20:.0f}"
    about = {"features": features, "buffers_mb": round(memory / 2**20)}
    found = Findings(summary=f"{features} features, {size} MB of buffers", about=about)

    needed = options.positives_needed
    slack = needed + (max(1, round(0.02 * options.numPos)) if options.numStages > 1 else 0)
    rule = f"numPos {options.numPos} + {options.numStages - 1} stages × {options.rejectable_per_stage} rejected by each"
    if 0 < inputs.samples < needed:
        found.errors.append(too_few_samples(inputs, options, f"the training may need {needed} ({rule})"))
    elif 0 < inputs.samples < slack:
        reason = f"enough for {rule}; samples that no stage was trained on may be rejected, too, and {slack} be needed"
        found.warnings.append(too_few_samples(inputs, options, reason))

    # A stage sees only what the stages before it let through, so the later ones need many more.
    last = options.numNeg / options.maxFalseAlarmRate ** (options.numStages - 1)
    if inputs.negatives and inputs.windows < options.numNeg:
        found.errors.append(
            f"The {len(inputs.negatives)} negatives of {inputs.bg} hold about {inputs.windows} windows of {options.w}×"
            f"{options.h}, fewer than numNeg {options.numNeg}: give more or larger pictures, or lower options.numNeg."
        )
    elif inputs.negatives and last > 200 * inputs.windows:
        found.warnings.append(
            f"The last stage has to find {options.numNeg} false alarms among some {last:.2g} windows; the negatives "
            f"hold about {inputs.windows:.2g}, each again at shifted positions in further rounds. Training may end "
            "early; more pictures help."
        )

    if available is not None and memory > 0.8 * available:
        said = f"The buffers need {size} of {available / 2**20:.0f} MB that are free. {LESS_MEMORY}"
        (found.errors if memory > available else found.warnings).append(said)
    return found


def too_few_samples(inputs: Inputs, options: TrainOptions, reason: str) -> str:
    """What to say when the samples of the .vec run out, or will."""
    kept = 1 + (options.numStages - 1) * (1 - options.minHitRate)
    fits = max(1, min(int(0.97 * inputs.samples / kept), int(0.97 * options.numPos)))
    return (
        f"{inputs.vec} holds {inputs.samples} samples, {reason}. "
        f"Set options.numPos={fits} or less, or add positives, and train under a new name."
    )


def count_features(options: TrainOptions) -> int:
    """The features that the binary considers in a window (checked against what it prints)."""
    w, h = options.w, options.h
    if options.featureType == "LBP":
        return _upright(w, h, 3, 3)
    if options.featureType == "HOG":
        blocks = [(a * cell, b * cell) for cell in range(8, w // 2 + 1, 8) for a, b in ((2, 2), (2, 4), (4, 2))]
        return 36 * sum(len(range(0, w - a + 1, 4)) * len(range(0, h - b + 1, 4)) for a, b in blocks)
    total = sum(_upright(w, h, a, b) for a, b in (_BASIC if options.mode == "BASIC" else _CORE))
    return total + (sum(_tilted(w, h, a, b) for a, b in _TILTED) if options.mode == "ALL" else 0)


def _upright(w: int, h: int, a: int, b: int) -> int:
    """Positions and sizes of a grid of a × b equal cells in a window of w × h."""
    return sum(range(w + 1 - a, 0, -a)) * sum(range(h + 1 - b, 0, -b))


def _tilted(w: int, h: int, a: int, b: int) -> int:
    """The same, turned by 45°: its bounding box is a·dx + b·dy on both sides."""
    sizes = np.add.outer(a * np.arange(1, w + 1), b * np.arange(1, h + 1))
    return int((np.maximum(0, w + 1 - sizes) * np.maximum(0, h + 1 - sizes)).sum())


def buffer_bytes(options: TrainOptions, features: int) -> int:
    """Bytes of the binary's large buffers: values, sorted indices (held twice) and integral images."""
    samples = options.numPos + options.numNeg
    values = min(options.precalcValBufSize * 2**20, 4 * samples * features)
    indices = min(options.precalcIdxBufSize * 2**20, (2 if samples < 65536 else 4) * samples * features)
    images = {"HAAR": 2, "LBP": 1, "HOG": 10}[options.featureType] * 4 * samples * (options.w + 1) * (options.h + 1)
    return values + (2 * indices if options.featureType == "HAAR" else 0) + images
