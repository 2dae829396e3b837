"""Boosting one stage: gentle AdaBoost (Friedman, Hastie and Tibshirani 2000)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cascade.boost.model import EPSILON, BoostedStage, Tree
from cascade.boost.options import Options
from cascade.boost.trees import Doubles, Indices, Table


@dataclass(frozen=True)
class Rates:
    """Shares of the samples that a stage accepts, and its trees so far."""

    trees: int
    hit_rate: float
    false_alarm_rate: float


def boost(
    table: Table,
    labels: Doubles,
    before: Doubles | None,
    options: Options,
    random: np.random.Generator,
    tell: Callable[[Rates], None],
) -> tuple[BoostedStage, Rates]:
    """Grow trees until few enough negatives are accepted, or there are as many as are allowed.

    Args:
        table: the samples' features.
        labels: (N,) 1 for a positive, -1 for a negative.
        before: (N,) the sums of the stage before, with which the stage's own begin; None: at nothing.
        options: of the training.
        random: draws the features that a tree may use, where those are not all.
        tell: is told of each tree.
    """
    sums = np.zeros(len(labels)) if before is None else before.copy()
    weights = _first_weights(labels, sums)
    trees: list[Tree] = []
    threshold, rates = np.float32(0), Rates(0, 1.0, 1.0)
    while len(trees) < options.maxWeakCount and rates.false_alarm_rate > options.maxFalseAlarmRate:
        chosen = _features(len(table.features), options.features_per_tree, random)
        tree, answers = table.grow(labels, weights, _trimmed(weights, options.weightTrimRate), options.maxDepth, chosen)
        if not len(tree.nodes):
            break  # nothing tells these samples apart
        trees.append(tree)
        sums += answers
        weights *= np.exp(-labels * answers)
        weights /= weights.sum()
        threshold = stage_threshold(sums[labels > 0], options.minHitRate)
        accepted = sums >= threshold - EPSILON
        rates = Rates(len(trees), float(accepted[labels > 0].mean()), float(accepted[labels < 0].mean()))
        tell(rates)
    return BoostedStage(tuple(trees), float(threshold), before is not None), rates


def stage_threshold(sums: Doubles, hit_rate: float) -> np.float32:
    """The sum that at least that share of the positives reaches."""
    ranked = np.sort(sums)
    return np.float32(ranked[int((1 - hit_rate) * len(ranked))])


def _first_weights(labels: Doubles, sums: Doubles) -> Doubles:
    """The samples' weights where a stage begins: equal ones, or by the sums that it begins with.

    These are high of positives and negatives alike, as the stages before accept all of them, so each kind is given the
    weight of its share: otherwise the positives would weigh nothing.
    """
    weights = np.empty(len(labels))
    for own in (labels > 0, labels < 0):
        inside = -labels[own] * sums[own]
        part = np.exp(inside - inside.max(initial=-np.inf))
        weights[own] = part / part.sum() * own.mean()
    return weights


def _trimmed(weights: Doubles, rate: float) -> Indices:
    """The heaviest samples that together have that share of the weight, in order."""
    if rate >= 1:
        return np.arange(len(weights))
    ranked = np.sort(weights)
    least = ranked[min(int(np.searchsorted(np.cumsum(ranked), (1 - rate) * ranked.sum())), len(ranked) - 1)]
    return np.flatnonzero(weights >= least)


def _features(count: int, share: float, random: np.random.Generator) -> Indices:
    if share >= 1:
        return np.arange(count)
    return np.sort(random.choice(count, max(1, round(share * count)), replace=False))
