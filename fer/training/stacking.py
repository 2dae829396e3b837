"""What networks say of faces, joined with what people said of them (stacking: Wolpert, 1992)."""

import torch
import torch.nn.functional as F
from torch import Tensor

_DECAY = 1e-4  # of the squared weights: a few hundred weights hardly need any for thousands of faces
_STEPS = 100


def stacked(answers: Tensor, votes: Tensor, labels: Tensor, folds: Tensor) -> Tensor:
    """Predict labels from answers and votes by a linear model of both, fitted for each fold on all others.

    Votes need no fold of their own: people did not see the labels. To a student they are privileged information, of
    which it has nothing but the sharper answers (Lopez-Paz et al., arXiv 1511.03643).

    Args:
        answers: logarithms of probabilities, float (N, C).
        votes: how many people chose each category, float (N, K); a row of zeros where nobody was asked.
        labels: int64 (N,).
        folds: of each face, int64 (N,).

    Returns:
        logarithms of probabilities, float32 (N, C).
    """
    shares = votes.float() / votes.sum(dim=1, keepdim=True).clamp(min=1)
    # logarithms as well: one vote of ten differs from none more than five do from six
    known = torch.cat([answers.float(), shares, (shares + 0.05).log()], dim=1)
    predicted = torch.empty_like(answers, dtype=torch.float32)
    for fold in sorted(set(folds.tolist())):
        mine = folds == fold
        weights, bias = _fitted(known[~mine], labels[~mine], answers.shape[1])
        predicted[mine] = (known[mine] @ weights + bias).log_softmax(dim=1)
    return predicted


def _fitted(known: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (K, C) and bias (C,) of multinomial logistic regression."""
    weights, bias = torch.zeros(known.shape[1], classes), torch.zeros(classes)
    found = [weights.requires_grad_(), bias.requires_grad_()]
    search = torch.optim.LBFGS(found, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = F.cross_entropy(known @ weights + bias, labels) + _DECAY * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        search.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach(), bias.detach()
