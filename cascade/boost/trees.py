"""Growing one weak tree: the features' values of all samples, the search for splits, and the exact cut."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cascade.boost import kernels
from cascade.boost.features import Features, Layout
from cascade.boost.model import Samples, Tree

Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_PRIOR = 20  # samples of mean weight and no label: so many more each code of an LBP feature is thought to have
_WHOLE = 2**31  # of which weights are whole parts, while splits are searched for


@dataclass(frozen=True)
class _Split:
    feature: int
    cut: np.float32
    subset: npt.NDArray[np.int32]  # (8,), or nothing
    left: npt.NDArray[np.bool_]  # of all samples


class Workers:
    """Threads that share work on features; results do not depend on their number."""

    def __init__(self, threads: int | None = None) -> None:
        self.count = threads or os.cpu_count() or 1
        self.pool = ThreadPoolExecutor(self.count)

    def blocks(self, work: Callable[[Indices], None], chosen: Indices) -> None:
        """Do some work on all chosen features, in as many blocks as there are threads."""
        list(self.pool.map(work, np.array_split(chosen, self.count)))


class Table:
    """What a stage's trees are grown from: the features' values on every sample, coarsely.

    Args:
        features: of the window.
        samples: (N,)
        workers: share the work.
        memory: bytes that the table may take, one for each feature and sample; where that is less than all features
            need, so many are drawn.
        random: draws them.
    """

    def __init__(
        self, features: Features, samples: Samples, workers: Workers, memory: float, random: np.random.Generator
    ) -> None:
        most = max(1, int(memory / len(samples)))
        self._numbers = np.arange(len(features))
        if most < len(features):
            self._numbers = np.sort(random.choice(len(features), most, replace=False))
            features = features[self._numbers]
        self.features, self.workers = features, workers
        self._sums, self._tilted = (np.ascontiguousarray(samples.images[index].T) for index in (0, 2))
        self._scale = samples.scales
        self._codes = features.kind == "LBP"
        self.bins = np.empty((len(features), len(samples)), np.uint8)
        points = features.points(Layout(samples.patches.shape[2] + 1))

        def fill(block: Indices) -> None:
            part = slice(block[0], block[-1] + 1) if len(block) else slice(0)
            if self._codes:
                kernels.lbp_codes(self._sums, points[part], self.bins[part])
            else:
                own = (points[part], features.weights[part], features.turned[part])
                kernels.haar_bins(self._sums, self._tilted, self._scale, *own, self.bins[part])

        workers.blocks(fill, np.arange(len(features)))
        self._points = points

    def grow(
        self, labels: Doubles, weights: Doubles, samples: Indices, depth: int, chosen: Indices
    ) -> tuple[Tree, Doubles]:
        """Grow a tree that fits the labels best by weighted squares, level by level.

        Args:
            labels: (N,) 1 or -1.
            weights: (N,) whose sum is 1.
            samples: those to look at.
            depth: most splits from the root to a leaf.
            chosen: the features to look at.

        Returns:
            The tree, and what it says of each sample (N,).
        """
        node_of = np.zeros(len(labels), np.int64)  # the leaf in the making that each sample is in
        members = [samples]
        splits: dict[int, _Split] = {}
        children: dict[int, tuple[int, int]] = {}
        level = [0]
        for _ in range(depth):
            level = [node for node in level if len(members[node])]
            grown: list[int] = []
            for node, feature in self._search(labels, weights, members, level, chosen):
                split = self._cut(feature, members[node], labels, weights)
                if split is None:
                    continue
                splits[node] = split
                both = (len(members), len(members) + 1)
                children[node] = both
                inside = node_of == node
                node_of[inside & split.left], node_of[inside & ~split.left] = both
                members += [members[node][split.left[members[node]]], members[node][~split.left[members[node]]]]
                grown += both
            level = grown
        return self._tree(splits, children, members, labels, weights, node_of)

    def _search(
        self, labels: Doubles, weights: Doubles, members: list[Indices], level: list[int], chosen: Indices
    ) -> list[tuple[int, int]]:
        """For each node of a level the feature that splits it best; nodes that none splits are left out."""
        if not level:
            return []
        size = kernels.CODES if self._codes else kernels.BINS
        looked = np.concatenate([members[node] for node in level])
        places = np.repeat(np.arange(len(level)) * size, [len(members[node]) for node in level])
        if len(level) > 1:
            order = np.argsort(looked)
            looked, places = looked[order], places[order]
        packed = np.round(weights * _WHOLE).astype(np.int64)
        packed = np.where(labels > 0, packed << 32, packed)
        if len(level) == 1 and len(looked) > len(labels) // 2:  # a pass over everything is faster than one with gaps
            whole = np.zeros_like(packed)
            whole[looked] = packed[looked]
            looked, packed, places = np.arange(len(labels)), whole, np.zeros(len(labels), np.int64)
        else:
            packed = packed[looked]
        prior = _PRIOR / len(labels) * _WHOLE
        found: list[tuple[Doubles, Indices]] = []

        def search(block: Indices) -> None:
            scores, best = np.full(len(level), -1.0), np.full(len(level), -1, np.int64)
            if self._codes:
                kernels.search_codes(self.bins, block, looked, packed, places, prior, scores, best)
            else:
                kernels.search_ordered(self.bins, block, looked, packed, places, scores, best)
            found.append((scores, best))

        self.workers.blocks(search, chosen)
        result = []
        for index, node in enumerate(level):
            # of equal scores the first feature, whichever thread was first
            _, feature = min((-scores[index], best[index]) for scores, best in found)
            if feature >= 0:
                result.append((node, int(feature)))
        return result

    def _cut(self, feature: int, members: Indices, labels: Doubles, weights: Doubles) -> _Split | None:
        """The exact split of a node by a feature; None where there is none."""
        if self._codes:
            return self._divide(feature, members, labels, weights)
        values = np.empty(len(labels), np.float32)
        own = (self._points[feature], self.features.weights[feature], self.features.turned[feature])
        kernels.haar_values(self._sums, self._tilted, self._scale, *own, values)
        order = members[np.argsort(values[members], kind="stable")]
        score = _scores((weights * labels)[order], weights[order])
        score[values[order][1:] == values[order][:-1]] = -1
        if not len(score) or score.max() < 0:
            return None
        at = int(np.argmax(score))
        below, above = values[order[at]], values[order[at + 1]]
        cut = np.float32((float(below) + float(above)) / 2)
        cut = cut if below < cut else above
        return _Split(feature, cut, np.zeros(0, np.int32), values < cut)

    def _divide(self, feature: int, members: Indices, labels: Doubles, weights: Doubles) -> _Split | None:
        codes = self.bins[feature]
        total, signed = (
            np.bincount(codes[members], values[members], kernels.CODES).astype(np.float64)
            for values in (weights, weights * labels)
        )
        present = np.flatnonzero(total)
        if len(present) < 2:
            return None
        means = signed / (total + _PRIOR / len(labels))
        order = present[np.argsort(means[present], kind="stable")]
        at = int(np.argmax(_scores(signed[order], total[order])))
        right = means > (means[order[at]] + means[order[at + 1]]) / 2
        subset = np.packbits(~right, bitorder="little").view("<i4").astype(np.int32)
        return _Split(feature, np.float32(0), subset, ~right[codes])

    def _tree(
        self,
        splits: dict[int, _Split],
        children: dict[int, tuple[int, int]],
        members: list[Indices],
        labels: Doubles,
        weights: Doubles,
        node_of: Indices,
    ) -> tuple[Tree, Doubles]:
        """Number nodes and leaves as OpenCV does, and give every leaf its mean."""
        inner = sorted(splits)
        numbers = {node: index for index, node in enumerate(inner)}
        leaves: list[np.float32] = []
        answers = np.zeros(len(labels))
        nodes = []

        def follow(node: int) -> int:
            if node in numbers:
                return numbers[node]
            own = members[node]
            weight = weights[own].sum()
            mean = (weights * labels)[own].sum() / weight if weight > 0 else 0.0
            leaves.append(np.float32(mean))
            answers[node_of == node] = np.float32(mean)
            return 1 - len(leaves)

        for node in inner:
            left, right = children[node]
            nodes.append((self._numbers[splits[node].feature], follow(left), follow(right)))
        subsets = [splits[node].subset for node in inner] if self._codes else []
        tree = Tree(
            np.array(nodes, np.int32).reshape(-1, 3),
            np.array([splits[node].cut for node in inner], np.float32),
            np.array(subsets, np.int32).reshape(-1, 8),
            np.array(leaves, np.float32),
        )
        return tree, answers


def _scores(signed: Doubles, weight: Doubles) -> Doubles:
    """The score of a split after each but the last of some samples in a row."""
    left, here = np.cumsum(signed)[:-1], np.cumsum(weight)[:-1]
    right, there = signed.sum() - left, weight.sum() - here
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(left**2 / here + right**2 / there, nan=-1.0, posinf=-1.0))
