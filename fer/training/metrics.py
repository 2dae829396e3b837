"""What is reported about a classifier: accuracy, F1, precision, recall and calibration."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassCalibrationError, MulticlassConfusionMatrix


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class, each in 0 to 1; `count` is its number of faces."""

    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True)
class Scores:
    """Scores of one split.

    Attributes:
        accuracy: share of faces named right, 0 to 1.
        macro_f1: mean of the classes' F1, 0 to 1; classes without faces and without predictions count 0.
        ece: expected calibration error over 15 equal bins of confidence (Guo et al., arXiv 1706.04599).
        count: number of faces.
        classes: scores per class name.
        confusion: rows are true classes, columns predictions.
    """

    accuracy: float
    macro_f1: float
    ece: float
    count: int
    classes: dict[str, ClassScores]
    confusion: list[list[int]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as in `metrics.json`."""
        return asdict(self)

    @classmethod
    def from_confusion(cls, confusion: Tensor, ece: float, names: tuple[str, ...]) -> Self:
        """Derive every score from one confusion matrix.

        Args:
            confusion: int64 (C, C), rows true, columns predicted.
            ece: expected calibration error, 0 to 1.
            names: the C class names.
        """
        counts = confusion.double()
        right, true, predicted = counts.diag(), counts.sum(dim=1), counts.sum(dim=0)
        precision, recall = _share(right, predicted), _share(right, true)
        f1 = _share(2 * right, true + predicted)
        classes = {
            name: ClassScores(p, r, f, int(count))
            for name, p, r, f, count in zip(
                names, precision.tolist(), recall.tolist(), f1.tolist(), true.tolist(), strict=True
            )
        }
        return cls(
            accuracy=float(_share(right.sum(), counts.sum())),
            macro_f1=float(f1.mean()),
            ece=ece,
            count=int(counts.sum()),
            classes=classes,
            confusion=confusion.tolist(),
        )


class ScoreMetrics(MetricCollection):
    """Collects logits over batches; `scores` sums them up.

    Args:
        names: the class names.
        sync: whether to sum over the processes of distributed training too.
    """

    def __init__(self, names: tuple[str, ...], sync: bool = True) -> None:
        metrics: dict[str, Metric | MetricCollection] = {
            "confusion": MulticlassConfusionMatrix(len(names), sync_on_compute=sync),
            "ece": MulticlassCalibrationError(len(names), n_bins=15, norm="l1", sync_on_compute=sync),
        }
        super().__init__(metrics, compute_groups=False)
        self.names = names

    def scores(self) -> Scores:
        """Return the scores of everything since the last reset, over all processes."""
        values = self.compute()
        return Scores.from_confusion(values["confusion"].cpu().long(), float(values["ece"]), self.names)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Part / whole, 0 where there is nothing."""
    return torch.where(whole > 0, part / whole.clamp(min=1), torch.zeros_like(part))
