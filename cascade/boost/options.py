"""The options of a boosted training; those that opencv_traincascade has, too, go by its names."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from cascade.checked import check_values
from cascade.errors import ConfigError
from cascade.ranges import Count, Part, Positive, Seed
from cascade.training.memory import available_memory
from cascade.training.trainer import Findings, Inputs

Side = Annotated[int, Meta(ge=8, le=128)]
_FEW = 20  # samples
_MOST_PIXELS = 48 * 48  # of a window with Haar features, which are 4 million then
_INTEGRALS = (
    5 * 4
)  # bytes for each pixel of a sample: three integral images, and two of them once more as the table wants


@dataclass(kw_only=True)
class Options:
    """How a cascade is boosted; `configs/cascade/trainer/boost.yaml` has meanings and defaults."""

    numPos: Count = 2000  # noqa: N815  (OpenCV's names)
    numNeg: Count = 1000  # noqa: N815
    numStages: Count = 20  # noqa: N815
    w: Side = 24
    h: Side = 24
    featureType: Literal["HAAR", "LBP"] = "HAAR"  # noqa: N815
    mode: Literal["BASIC", "CORE", "ALL"] = "BASIC"
    minHitRate: Part = 0.995  # noqa: N815
    maxFalseAlarmRate: Part = 0.5  # noqa: N815
    weightTrimRate: Part = 0.95  # noqa: N815
    maxDepth: Annotated[int, Meta(ge=1, le=8)] = 1  # noqa: N815
    maxWeakCount: Count = 100  # noqa: N815
    acceptanceRatioBreakValue: float = -1.0  # noqa: N815
    nested: bool = True
    recall: Part | None = None
    scenes: bool = False
    features_per_tree: Part = 1.0
    seed: Seed = 0
    threads: Count | None = None
    memory: Positive = 4.0

    @property
    def judged(self) -> bool:
        """Whether positives are held out, for that the cascade is judged by them."""
        return self.nested or self.recall is not None

    def __post_init__(self) -> None:
        check_values(Options, vars(self), "options.")
        if self.featureType == "HAAR" and self.w * self.h > _MOST_PIXELS:
            raise ConfigError(
                f"options.w={self.w} options.h={self.h}: a window of more than {_MOST_PIXELS} pixels has too many Haar "
                "features; make it smaller, or set options.featureType=LBP"
            )


def check_requirements(inputs: Inputs, options: Options, features: int) -> Findings:
    """Check the numbers of a training against each other; what the inputs themselves lack is not repeated."""
    samples = options.numPos + options.numNeg
    table = min(features * samples, int(options.memory * 2**30))
    needed = table + _INTEGRALS * (options.w + 1) * (options.h + 1) * (samples + inputs.samples)
    found = Findings(
        summary=f"{features} features, {table / 2**20:.0f} MB of their values", about={"features": features}
    )
    if 0 < inputs.samples < _FEW:
        found.errors.append(
            f"{inputs.samples} samples are too few to learn from; {_FEW} are the least, hundreds better"
        )
    elif 0 < inputs.samples < options.numPos:
        found.warnings.append(
            f"{inputs.vec} holds {inputs.samples} samples, fewer than numPos {options.numPos}: all of them are used"
        )
    if inputs.negatives and inputs.windows < options.numNeg:
        found.errors.append(
            f"The {len(inputs.negatives)} negatives of {inputs.bg} hold about {inputs.windows} windows of {options.w}×"
            f"{options.h}, fewer than numNeg {options.numNeg}: give more or larger pictures, or lower options.numNeg."
        )
    if options.scenes and inputs.pictures is None:
        found.errors.append(
            "There is no list of pictures with boxes to look for negatives in: give samples=FOLDER, made by "
            "python -m cascade.prepare, and no vec=FILE, or set options.scenes=false."
        )
    if options.recall and not options.nested and inputs.held_out is None:
        found.errors.append(
            "options.recall needs positives held out: give samples=FOLDER, made by python -m cascade.prepare with "
            "held_out above 0, or set options.nested=true, which takes some of the .vec."
        )
    available = available_memory()
    if available is not None and needed > 0.8 * available:
        found.errors.append(
            f"The training needs about {needed / 2**20:.0f} of {available / 2**20:.0f} MB that are free. Lower "
            "options.numPos and options.numNeg, or options.memory: each stage then chooses among fewer features."
        )
    return found
