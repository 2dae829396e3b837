"""What a final evaluation says beside the scores: mirror images, temperature, copies; and whether two models differ."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from fer.data.copies import COPY_FROM, nearest
from fer.data.faces import Faces

_TEMPERATURES = torch.logspace(-1, 1, 201)  # a hundredth of a decade apart, which is finer than what few faces tell


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """What divides logits (N, C) so that their cross-entropy with labels (N,) is least (arXiv 1706.04599)."""
    losses = torch.stack([F.cross_entropy(logits / one, labels) for one in _TEMPERATURES])
    return float(_TEMPERATURES[losses.argmin()])


def calibration_error(logits: Tensor, labels: Tensor) -> float:
    """See `fer.training.metrics.Scores.ece`; of logits (N, C) and labels (N,)."""
    return float(multiclass_calibration_error(logits, labels, logits.shape[1], n_bins=15, norm="l1"))


@dataclass(frozen=True)
class Named:
    """How well faces are named: accuracy, 0 to 1, and mean negative log-likelihood of the labels, in nats."""

    accuracy: float
    nll: float

    @classmethod
    def of(cls, log_p: Tensor, labels: Tensor) -> "Named":
        """From logarithms of probabilities, float (N, C), and labels, int64 (N,), N > 0."""
        right = (log_p.argmax(dim=1) == labels).double().mean()
        return cls(float(right), float(F.nll_loss(log_p, labels)))


@dataclass(frozen=True)
class Tempered:
    """Calibration once logits are divided by a temperature.

    Attributes:
        temperature: see `fit_temperature`.
        nll, ece: of the tempered probabilities; see `Named` and `fer.training.metrics.Scores`.
    """

    temperature: float
    nll: float
    ece: float

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, temperature: float | None = None) -> "Tempered":
        """From logits, float (N, C), and labels, int64 (N,); None chooses the temperature on them."""
        temperature = fit_temperature(logits, labels) if temperature is None else temperature
        tempered = logits / temperature
        return cls(temperature, float(F.cross_entropy(tempered, labels)), calibration_error(tempered, labels))


@dataclass(frozen=True)
class Copies:
    """How faces fare that have a near-copy among the training faces, and how those do that have none.

    Attributes:
        count: number of faces with a copy: see `fer.data.copies`.
        named: how well they are named; None where there are none.
        agreement: share of them whose label is that of the training face which they repeat, 0 to 1. That is what
            somebody reaches who knows all training faces by heart: the rest is what labels are at odds about.
        others: how well all other faces are named; None where there are none.
    """

    count: int
    named: Named | None
    agreement: float
    others: Named | None


@dataclass(frozen=True)
class Details:
    """What a final evaluation of one split adds to its `Scores`.

    Attributes:
        nll: mean negative log-likelihood of the labels, in nats.
        mirrored: how well faces are named by the mean of two passes' probabilities, one of them of their mirror images.
        tempered: calibration with a temperature, chosen on this split unless it was given.
        copies: of faces in the training split.
    """

    nll: float
    mirrored: Named
    tempered: Tempered
    copies: Copies

    @classmethod
    def of(
        cls,
        logits: Tensor,
        mirrored: Tensor,
        labels: Tensor,
        originals: tuple[Tensor, Tensor],
        temperature: float | None = None,
    ) -> "Details":
        """Sum two passes up.

        Args:
            logits: of the faces, float (N, C).
            mirrored: of their mirror images, likewise.
            labels: int64 (N,).
            originals: what `originals_of` returns.
            temperature: see `Tempered.of`.
        """
        log_p = logits.log_softmax(dim=1)
        both = torch.stack([log_p, mirrored.log_softmax(dim=1)]).logsumexp(dim=0) - math.log(2)
        copy, same = originals
        copies = Copies(
            count=int(copy.sum()),
            named=Named.of(log_p[copy], labels[copy]) if copy.any() else None,
            agreement=float(same[copy].double().mean()) if copy.any() else 0.0,
            others=None if copy.all() else Named.of(log_p[~copy], labels[~copy]),
        )
        nll = Named.of(log_p, labels).nll
        return cls(nll, Named.of(both, labels), Tempered.of(logits, labels, temperature), copies)


def originals_of(faces: Faces, train: Faces) -> tuple[Tensor, Tensor]:
    """Which faces repeat a training face, and whether with its label: two bool tensors (N,)."""
    correlation, index = nearest(faces.images, train.images)
    return correlation > COPY_FROM, train.hard_labels[index] == faces.hard_labels


@dataclass(frozen=True)
class Comparison:
    """Whether one model names the same faces better than another (McNemar, 1947).

    Attributes:
        accuracy: of the other model, 0 to 1.
        won, lost: faces that only the one, or only the other, names right.
        difference, error: of the accuracies, the one's less the other's, and its standard error; -1 to 1.
        p: probability, 0 to 1, of a difference at least as large if each such face were won or lost by the toss of a
            coin; exact, of both sides. It knows of this one pair of trainings, not of how much their seeds matter.
    """

    accuracy: float
    won: int
    lost: int
    difference: float
    error: float
    p: float

    @classmethod
    def of(cls, hits: Tensor, others: Tensor) -> "Comparison":
        """From whether the one and the other name each face right, bool (N,) both, N > 0."""
        won, lost, count = int((hits & ~others).sum()), int((others & ~hits).sum()), len(hits)
        apart, difference = won + lost, (won - lost) / count
        error = math.sqrt(max(0.0, apart / count - difference**2) / count)
        tail = sum(math.comb(apart, few) for few in range(min(won, lost) + 1))
        return cls(float(others.double().mean()), won, lost, difference, error, min(1.0, 2 * tail / 2**apart))

    def __str__(self) -> str:
        """In words: what was won and lost."""
        return (
            f"{self.won:,} faces won, {self.lost:,} lost against {self.accuracy:.2%}: {self.difference * 100:+.2f} ± "
            f"{self.error * 100:.2f} points, p = {self.p:.2g} (McNemar)"
        )
