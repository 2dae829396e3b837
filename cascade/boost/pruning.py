"""Cutting one long classifier into a cascade's stages: where, and what each of them must reach.

A nested cascade is one sum of trees that is asked several times on its way. Where, and how strictly, is decided when
all trees are there, from samples that none was grown on: windows that the whole classifier accepts in the end shall
not be lost before (Zhang and Viola 2007, "Multiple-instance pruning for learning efficient cascade detectors"), or
but a few of them, and the mean number of trees that OpenCV evaluates on a window shall be the least.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cascade.boost.model import EPSILON, BoostedModel, BoostedStage, Samples, Tree

Doubles = npt.NDArray[np.float64]
# Of the objects that may be lost, the shares that may be lost on the way, not at the end; and the parts of these that
# may fall below each threshold: what is tried
_SPARE = (0.0, 0.15, 0.3)
_PARTS = (2, 3, 4, 8, 16)


def cut_into_stages(
    model: BoostedModel, held_out: Samples, negatives: Sequence[tuple[float, Samples]], recall: float
) -> list[BoostedStage]:
    """The stages of a nested cascade, cut anew.

    Args:
        model: the cascade as it was trained.
        held_out: objects that no tree was grown on.
        negatives: for each stage windows that all stages before it accept, and the share of all windows that these do.
        recall: share of the held-out objects that the new stages keep.
    """
    trees = model.trees()
    faces = partial_sums(model, trees, held_out)
    windows = [(share, partial_sums(model, trees, some)) for share, some in negatives]
    best: tuple[float, list[int], npt.NDArray[np.float32]] | None = None
    for spare in _SPARE:
        kept = faces[:, faces[-1] >= np.quantile(faces[-1], (1 - recall) * (1 - spare), method="lower")]
        for loss in (0.0, *(spare * (1 - recall) / part for part in _PARTS if spare)):
            # the largest float32 that no more than those fall below
            thresholds = np.quantile(kept, loss, axis=1, method="lower").astype(np.float32)
            thresholds = np.nextafter(thresholds, np.float32(-np.inf))
            thresholds[-1] = np.nextafter(np.float32(kept[-1].min()), np.float32(-np.inf))
            ends, cost = cheapest_cuts(_passed(model, thresholds, windows))
            asked = np.array(ends) - 1
            reached = (faces[asked] >= thresholds[asked, None] - EPSILON).all(0).mean()
            if (best is None or cost < best[0]) and reached >= recall:
                best = cost, ends, thresholds
    assert best is not None  # nothing spared and nothing lost is always possible
    _, ends, thresholds = best
    starts = [0, *ends[:-1]]
    return [
        BoostedStage(tuple(trees[start:end]), float(thresholds[end - 1]), goes_on=start > 0)
        for start, end in zip(starts, ends, strict=True)
    ]


def partial_sums(model: BoostedModel, trees: Sequence[Tree], samples: Samples) -> Doubles:
    """What the first tree, the first two, … say of samples together: (trees, samples)."""
    each = [model.alone(tree).judge(samples)[1] for tree in trees]
    return np.cumsum(np.array(each).reshape(len(trees), len(samples)), axis=0)


def _passed(
    model: BoostedModel, thresholds: npt.NDArray[np.float32], windows: Sequence[tuple[float, Doubles]]
) -> Doubles:
    """The share of all windows that reach the threshold after the first tree, the first two, …: never growing."""
    shares = np.empty(len(thresholds))
    start = 0
    for stage, (share, sums) in zip(model.stages, windows, strict=True):
        end = start + len(stage.trees)
        shares[start:end] = share * (sums[start:end] >= thresholds[start:end, None]).mean(1)
        start = end
    return np.minimum.accumulate(np.maximum(shares, 1e-12))


def cheapest_cuts(passed: Doubles) -> tuple[list[int], float]:
    """After how many trees to ask, the last time after all, so that a window costs the fewest trees in the mean.

    Each stage begins the sum anew, so asking after 5 and after 9 trees costs 5, and 9 for what passes the first time.

    Args:
        passed: (T,) share of all windows that pass if they are asked after 1, 2, … T trees.

    Returns:
        The numbers of trees, and the mean cost.
    """
    count = len(passed)
    costs, before = np.empty(count), np.zeros(count, np.int64)
    for end in range(count):
        ways = np.concatenate([[end + 1.0], costs[:end] + passed[:end] * (end + 1)])
        before[end] = int(np.argmin(ways))  # 0: nothing was asked before
        costs[end] = ways[before[end]]
    cuts = [count]
    while before[cuts[0] - 1] > 0:
        cuts.insert(0, int(before[cuts[0] - 1]))
    return cuts, float(costs[-1])
