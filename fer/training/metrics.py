"""What is reported about a classifier: accuracy, F1, precision, recall and calibration."""

from dataclasses import dataclass
from typing import Any

from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)


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

    def totals(self) -> dict[str, float]:
        """The figures of the whole split by the names under which they are monitored, `val/acc` for one."""
        return {"val/acc": self.accuracy, "val/macro_f1": self.macro_f1, "val/ece": self.ece}


class ScoreMetrics(MetricCollection):
    """Collects logits over batches; `scores` sums them up, with `sync` over all processes of distributed training."""

    def __init__(self, names: tuple[str, ...], sync: bool = True) -> None:
        common: Any = {"num_classes": len(names), "sync_on_compute": sync}
        super().__init__(
            {
                "accuracy": MulticlassAccuracy(average="micro", **common),
                "precision": MulticlassPrecision(average="none", **common),
                "recall": MulticlassRecall(average="none", **common),
                "f1": MulticlassF1Score(average="none", **common),
                "ece": MulticlassCalibrationError(n_bins=15, norm="l1", **common),
                "confusion": MulticlassConfusionMatrix(**common),
            }
        )
        self.names = names

    def scores(self) -> Scores:
        """Return the scores of everything since the last reset, over all processes."""
        values = self.compute()
        confusion = values["confusion"].cpu().long()
        counts = confusion.sum(dim=1).tolist()
        columns = [values[score].tolist() for score in ("precision", "recall", "f1")]
        rows = zip(self.names, *columns, counts, strict=True)
        return Scores(
            accuracy=float(values["accuracy"]),
            macro_f1=float(values["f1"].mean()),
            ece=float(values["ece"]),
            count=sum(counts),
            classes={name: ClassScores(*scores) for name, *scores in rows},
            confusion=confusion.tolist(),
        )
