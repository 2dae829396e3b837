"""What is reported about a classifier: accuracy, F1, precision, recall, calibration, and what it is unsure of."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.utilities.data import dim_zero_cat

from fer.training.details import Details
from fer.training.unsure import Unsure


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
        unsure: which labels are not worth showing; chosen on this split, unless it was given.
        confusion: rows are true classes, columns predictions.
        details: what `fer.training.evaluate` adds; None while training.
    """

    accuracy: float
    macro_f1: float
    ece: float
    count: int
    classes: dict[str, ClassScores]
    unsure: Unsure
    confusion: list[list[int]]
    details: Details | None = None

    def totals(self) -> dict[str, float]:
        """The figures of the whole split by the names under which they are monitored, `val/acc` for one."""
        return {"val/acc": self.accuracy, "val/macro_f1": self.macro_f1, "val/ece": self.ece}


class LabelConfidence(MulticlassCalibrationError):  # noqa: N818 - the error is no exception
    """The labels' probabilities and whether they are right, (2, N): what the calibration error is made of."""

    def compute(self) -> Tensor:
        """Return what was collected."""
        return torch.stack([dim_zero_cat(self.confidences), dim_zero_cat(self.accuracies)])


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
                "confidence": LabelConfidence(**common),
                "confusion": MulticlassConfusionMatrix(**common),
            }
        )
        self.names = names

    def scores(self, unsure_below: float | None = None) -> Scores:
        """Return the scores of everything since the last reset, over all processes; see `evaluate`."""
        values = self.compute()
        confusion = values["confusion"].cpu().long()
        counts = confusion.sum(dim=1).tolist()
        confidences, hits = values["confidence"].cpu().numpy()
        columns = [values[score].tolist() for score in ("precision", "recall", "f1")]
        rows = zip(self.names, *columns, counts, strict=True)
        return Scores(
            accuracy=float(values["accuracy"]),
            macro_f1=float(values["f1"].mean()),
            ece=float(values["ece"]),
            count=sum(counts),
            classes={name: ClassScores(*scores) for name, *scores in rows},
            unsure=Unsure.of(confidences, hits, unsure_below),
            confusion=confusion.tolist(),
        )
