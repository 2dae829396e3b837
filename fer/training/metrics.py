"""What is reported about a classifier: accuracy, F1, precision, recall and calibration."""

from dataclasses import dataclass
from typing import Any

import torch
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
    """Collects logits over batches; `scores` sums them up.

    Args:
        names: the class names.
        sync: whether to sum over the processes of distributed training too.
    """

    def __init__(self, names: tuple[str, ...], sync: bool = True) -> None:
        size = len(names)
        each: dict[str, Any] = {"average": "none", "sync_on_compute": sync}
        super().__init__(
            {
                "accuracy": MulticlassAccuracy(size, average="micro", sync_on_compute=sync),
                "precision": MulticlassPrecision(size, **each),
                "recall": MulticlassRecall(size, **each),
                "f1": MulticlassF1Score(size, **each),
                "ece": MulticlassCalibrationError(size, n_bins=15, norm="l1", sync_on_compute=sync),
                "confusion": MulticlassConfusionMatrix(size, sync_on_compute=sync),
            }
        )
        self.names = names

    def scores(self) -> Scores:
        """Return the scores of everything since the last reset, over all processes."""
        values = self.compute()
        confusion = values["confusion"].cpu().long()
        rows = torch.stack([values["precision"], values["recall"], values["f1"]], dim=1).tolist()
        counts = confusion.sum(dim=1).tolist()
        return Scores(
            accuracy=float(values["accuracy"]),
            macro_f1=float(values["f1"].mean()),
            ece=float(values["ece"]),
            count=sum(counts),
            classes={
                name: ClassScores(precision, recall, f1, count)
                for name, (precision, recall, f1), count in zip(self.names, rows, counts, strict=True)
            },
            confusion=confusion.tolist(),
        )
