"""What takes the time, compiled: feature values, the search for splits, and the cascade's decision on windows.

Arithmetic that decides is OpenCV's own: sums of gray levels in whole numbers, a float32 for a normalised value, a
double for a stage's sum, in the order of its trees. Every function lets other threads run meanwhile.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
Images = tuple[Array, ...]

BINS = 64
"""Of a Haar feature's values, while splits are searched for: six standard deviations; the split itself is exact."""
CODES = 256
"""Values of an LBP feature."""


@njit(nogil=True, cache=True)
def haar_values(
    sums: Array, tilted: Array, scale: Array, points: Array, weights: Array, turned: bool, values: Array
) -> None:
    """The values of one Haar feature on all samples.

    Args:
        sums: (P, N) int32, the upright integral image of each sample, one in a column.
        tilted: (P, N) int32, those turned by 45°.
        scale: (N,) float32 that each sample's values are multiplied with.
        points: (16,) rows of the integral images: four corners for each of the feature's three rectangles.
        weights: (3,) int32 of these.
        turned: whether they are.
        values: (N,) float32, the result.
    """
    images = tilted if turned else sums
    a, b, c, d = images[points[0]], images[points[1]], images[points[2]], images[points[3]]
    e, f, g, h = images[points[4]], images[points[5]], images[points[6]], images[points[7]]
    first, second, third = weights
    if third == 0:
        for i in range(len(values)):
            total = first * (a[i] - b[i] - c[i] + d[i]) + second * (e[i] - f[i] - g[i] + h[i])
            values[i] = np.float32(total) * scale[i]
        return
    j, k, m, n = images[points[8]], images[points[9]], images[points[10]], images[points[11]]
    for i in range(len(values)):
        total = first * (a[i] - b[i] - c[i] + d[i]) + second * (e[i] - f[i] - g[i] + h[i])
        values[i] = np.float32(total + third * (j[i] - k[i] - m[i] + n[i])) * scale[i]


@njit(nogil=True, cache=True)
def haar_bins(
    sums: Array, tilted: Array, scale: Array, points: Array, weights: Array, turned: Array, bins: Array
) -> None:
    """The bin of every sample's value of each of many Haar features: `bins` (F, N) uint8."""
    count = len(scale)
    values = np.empty(count, np.float32)
    for feature in range(len(points)):
        haar_values(sums, tilted, scale, points[feature], weights[feature], turned[feature], values)
        mean = values.sum() / np.float32(count)
        spread = np.float32(0)
        for i in range(count):
            spread += (values[i] - mean) * (values[i] - mean)
        factor = np.float32(BINS / 6) / (np.sqrt(spread / np.float32(count)) + np.float32(1e-12))
        shift = np.float32(BINS / 2) - mean * factor
        row = bins[feature]
        for i in range(count):
            row[i] = np.uint8(min(max(values[i] * factor + shift, np.float32(0)), np.float32(BINS - 1)))


@njit(nogil=True, cache=True)
def lbp_codes(sums: Array, points: Array, codes: Array) -> None:
    """The codes of every sample for each of many LBP features: `codes` (F, N) uint8, `points` (F, 16)."""
    order = np.array([0, 1, 2, 5, 8, 7, 6, 3])  # of the cells around the middle one, from the highest bit down
    count = sums.shape[1]
    middle = np.empty(count, np.int32)
    for feature in range(len(points)):
        own, row = points[feature], codes[feature]
        a, b, c, d = sums[own[5]], sums[own[6]], sums[own[9]], sums[own[10]]
        for i in range(count):
            middle[i] = a[i] - b[i] - c[i] + d[i]
            row[i] = 0
        for bit in range(8):
            corner = order[bit] // 3 * 4 + order[bit] % 3
            a, b, c, d = sums[own[corner]], sums[own[corner + 1]], sums[own[corner + 4]], sums[own[corner + 5]]
            value = np.uint8(128 >> bit)
            for i in range(count):
                if a[i] - b[i] - c[i] + d[i] >= middle[i]:
                    row[i] |= value


@njit(nogil=True, cache=True)
def _sum_weights(row: Array, samples: Array, weights: Array, nodes: Array, single: bool, table: Array) -> None:
    """Sum both kinds' weights by a feature's value, and by node where there is more than a `single` one."""
    table[:] = 0
    if single and len(samples) == len(row):
        for i in range(len(row)):
            table[row[i]] += weights[i]
    elif single:
        for i in range(len(samples)):
            table[row[samples[i]]] += weights[i]
    else:
        for i in range(len(samples)):
            table[nodes[i] + row[samples[i]]] += weights[i]


@njit(nogil=True, cache=True)
def search_ordered(
    bins: Array, chosen: Array, samples: Array, weights: Array, nodes: Array, scores: Array, best: Array
) -> None:
    """The best split of each node by `bin <= cut`, in a block of features.

    A split's score is what it takes off the squared error of labels 1 and -1, where each side answers with its mean
    (Friedman et al. 2000): the sum over both sides of (weight of positives - weight of negatives)² / weight.

    Args:
        bins: (F, N) uint8.
        chosen: (K,) the features.
        samples: (M,) the samples that are looked at.
        weights: (M,) int64: a positive's weight times 2³², a negative's as it is, those of each kind below 2³² in all.
        nodes: (M,) int64, the node that each is in, times BINS.
        scores: (nodes,) of the best splits so far, which better ones replace.
        best: (nodes,) their features.
    """
    count = len(scores)
    table = np.empty(count * BINS, np.int64)
    for feature in chosen:
        _sum_weights(bins[feature], samples, weights, nodes, count == 1, table)
        for node in range(count):
            own = table[node * BINS : (node + 1) * BINS]
            packed = own.sum()
            positives, negatives = float(packed >> 32), float(packed & 0xFFFFFFFF)
            running = np.int64(0)
            for cut in range(BINS - 1):
                running += own[cut]
                positive, negative = float(running >> 32), float(running & 0xFFFFFFFF)
                left, here = positive - negative, positive + negative
                right, there = positives - negatives - left, positives + negatives - here
                if here > 0 and there > 0:
                    score = left * left / here + right * right / there
                    if score > scores[node]:
                        scores[node], best[node] = score, feature


@njit(nogil=True, cache=True)
def search_codes(
    codes: Array, chosen: Array, samples: Array, weights: Array, nodes: Array, prior: float, scores: Array, best: Array
) -> None:
    """The same for LBP features: the best split of codes into two sets, those of low and those of high means.

    (For a squared error no other sets are better: Breiman et al. 1984.)
    """
    count = len(scores)
    table = np.empty(count * CODES, np.int64)
    means = np.empty(CODES)
    kept = np.empty(CODES, np.int64)
    for feature in chosen:
        _sum_weights(codes[feature], samples, weights, nodes, count == 1, table)
        for node in range(count):
            own = table[node * CODES : (node + 1) * CODES]
            present, packed = 0, np.int64(0)
            for code in range(CODES):
                if own[code] != 0:
                    positive, negative = float(own[code] >> 32), float(own[code] & 0xFFFFFFFF)
                    means[present], kept[present] = (positive - negative) / (positive + negative + prior), own[code]
                    packed += own[code]
                    present += 1
            positives, negatives = float(packed >> 32), float(packed & 0xFFFFFFFF)
            running = np.int64(0)
            order = np.argsort(means[:present], kind="mergesort")
            for rank in range(present - 1):
                running += kept[order[rank]]
                positive, negative = float(running >> 32), float(running & 0xFFFFFFFF)
                left, here = positive - negative, positive + negative
                right, there = positives - negatives - left, positives + negatives - here
                score = left * left / here + right * right / there
                if score > scores[node]:
                    scores[node], best[node] = score, feature


@njit(nogil=True, cache=True)
def window_scale(sums: Array, squares: Array, base: int, inset: Array, area: float) -> np.float32:
    """What a window's Haar values are multiplied with; 0 for one without contrast, which OpenCV never accepts.

    Args:
        sums: flat int32 integral image.
        squares: flat int32, of the squared gray levels; it may have run over.
        base: index of the window's first corner.
        inset: (4,) the corners of the window less one pixel on each side.
        area: its pixels.
    """
    a, b, c, d = base + inset[0], base + inset[1], base + inset[2], base + inset[3]
    total = float(sums[a] - sums[b] - sums[c] + sums[d])
    squared = float(np.uint32(squares[a] - squares[b] - squares[c] + squares[d]))
    spread = area * squared - total * total
    if not spread > 0:
        return np.float32(0)
    scale = np.float32(1 / np.sqrt(spread))
    return scale if area * float(scale) < 0.1 else np.float32(0)


@njit(nogil=True, cache=True)
def judge(images: Images, bases: Array, scales: Array, own: Any, first: int, passed: Array, totals: Array) -> None:
    """OpenCV's decision on windows: how many stages accept each, and the sum of the last one that was asked.

    Args:
        images: three flat int32 integral images: upright, of squares, turned.
        bases: (N,) int64, indices of the windows' first corners.
        scales: (N,) float32 of their Haar values, as `window_scale` gives them.
        own: the cascade, a `cascade.boost.model.Compiled`.
        first: the stage to begin with.
        passed: (N,) int64, the result.
        totals: (N,) float64, the sums; what is in it is that of the stage before the first.
    """
    # plain names: arrays that are taken out of a tuple within the loop are counted each time, which is slow
    sums, _, tilted = images
    points, weights, turned, cuts, subsets = own.points, own.weights, own.turned, own.cuts, own.subsets
    stages, thresholds, trees, nodes, leaves = own.stages, own.thresholds, own.trees, own.nodes, own.leaves
    goes_on = own.goes_on
    codes = not own.haar
    cells = np.empty(16, np.int32)
    for i in range(len(bases)):
        base, scale = np.uint64(bases[i]), scales[i]  # an index without a sign needs no look at whether it is negative
        passed[i] = 0
        if scale == 0:
            continue
        passed[i] = len(thresholds)
        total = totals[i]
        for stage in range(first, len(thresholds)):
            if not goes_on[stage]:
                total = 0.0
            for tree in range(stages[stage], stages[stage + 1]):
                root = trees[tree]
                index = 0
                while True:
                    node = root + index
                    if codes:
                        for corner in range(16):
                            cells[corner] = sums[base + points[node, corner]]
                        middle = cells[5] - cells[6] - cells[9] + cells[10]
                        code = np.int32(cells[0] - cells[1] - cells[4] + cells[5] >= middle) << 7
                        code |= np.int32(cells[1] - cells[2] - cells[5] + cells[6] >= middle) << 6
                        code |= np.int32(cells[2] - cells[3] - cells[6] + cells[7] >= middle) << 5
                        code |= np.int32(cells[6] - cells[7] - cells[10] + cells[11] >= middle) << 4
                        code |= np.int32(cells[10] - cells[11] - cells[14] + cells[15] >= middle) << 3
                        code |= np.int32(cells[9] - cells[10] - cells[13] + cells[14] >= middle) << 2
                        code |= np.int32(cells[8] - cells[9] - cells[12] + cells[13] >= middle) << 1
                        code |= np.int32(cells[4] - cells[5] - cells[8] + cells[9] >= middle)
                        left = (subsets[node, code >> 5] >> (code & 31)) & 1 != 0
                    else:
                        image = tilted if turned[node] else sums
                        value = weights[node, 0] * (
                            image[base + points[node, 0]]
                            - image[base + points[node, 1]]
                            - image[base + points[node, 2]]
                            + image[base + points[node, 3]]
                        )
                        value += weights[node, 1] * (
                            image[base + points[node, 4]]
                            - image[base + points[node, 5]]
                            - image[base + points[node, 6]]
                            + image[base + points[node, 7]]
                        )
                        if weights[node, 2] != 0:
                            value += weights[node, 2] * (
                                image[base + points[node, 8]]
                                - image[base + points[node, 9]]
                                - image[base + points[node, 10]]
                                + image[base + points[node, 11]]
                            )
                        left = np.float32(value) * scale < cuts[node]
                    index = nodes[node, 0] if left else nodes[node, 1]
                    if index <= 0:
                        break
                total += leaves[root + tree - index]
            totals[i] = total
            if total < thresholds[stage]:
                passed[i] = stage
                break


@njit(nogil=True, cache=True)
def scan(images: Images, stride: int, rows: Array, across: int, own: Any, found: Array) -> int:
    """Look for windows that every stage accepts in some rows of a picture; returns how many there are.

    Args:
        images: as in `judge`.
        stride: of these.
        rows: the windows' y.
        across: how many there are in a row, side by side in the images.
        own: the cascade.
        found: (M,) int64, the result: their bases, as many as fit.
    """
    sums, squares, _ = images
    haar = own.haar
    inset, area, thresholds = own.inset, own.area, own.thresholds
    count = 0
    scales, bases = np.empty(across, np.float32), np.empty(across, np.int64)
    totals, passed, codes = np.empty(across, np.float64), np.empty(across, np.int64), np.empty(across, np.int32)
    for y in rows:
        start = y * stride
        scales[:] = 1
        if haar:
            for i in range(across):
                scales[i] = window_scale(sums, squares, start + i, inset, area)
        first, left = 0, across
        while own.simple and first < len(thresholds) and left > across // 6:  # all windows of the row at once
            _row_stage(images, start, own, first, scales, totals, codes)
            left = 0
            for i in range(across):
                if totals[i] < thresholds[first]:
                    scales[i] = 0
                left += scales[i] != 0
            first += 1
        left = 0
        for i in range(across):
            if scales[i] != 0:
                bases[left], scales[left], totals[left] = start + i, scales[i], totals[i]
                left += 1
        judge(images, bases[:left], scales[:left], own, first, passed, totals)
        for i in range(left):
            if passed[i] == len(thresholds):
                if count < len(found):
                    found[count] = bases[i]
                count += 1
    return count


@njit(nogil=True, cache=True)
def _row_stage(images: Images, start: int, own: Any, stage: int, scales: Array, totals: Array, codes: Array) -> None:
    """A stage's sums of all windows of a row, for stumps; `totals` has those of the stage before."""
    sums, _, tilted = images
    points, weights, turned, cuts, leaves = own.points, own.weights, own.turned, own.cuts, own.leaves
    answers = own.answers
    if not own.goes_on[stage]:
        totals[:] = 0
    across = len(totals)
    for node in range(own.stages[stage], own.stages[stage + 1]):
        image = (tilted if turned[node] else sums)[start:]
        at = points[node]
        a, b, c, d = image[at[0] :], image[at[1] :], image[at[2] :], image[at[3] :]
        e, f, g, h = image[at[4] :], image[at[5] :], image[at[6] :], image[at[7] :]
        j, k, m, n = image[at[8] :], image[at[9] :], image[at[10] :], image[at[11] :]
        if len(answers):
            p, q, r, s = image[at[12] :], image[at[13] :], image[at[14] :], image[at[15] :]
            for i in range(across):
                x = np.uint32(i)
                middle = f[x] - g[x] - k[x] + m[x]
                code = np.int32(a[x] - b[x] - e[x] + f[x] >= middle) << 7
                code |= np.int32(b[x] - c[x] - f[x] + g[x] >= middle) << 6
                code |= np.int32(c[x] - d[x] - g[x] + h[x] >= middle) << 5
                code |= np.int32(g[x] - h[x] - m[x] + n[x] >= middle) << 4
                code |= np.int32(m[x] - n[x] - r[x] + s[x] >= middle) << 3
                code |= np.int32(k[x] - m[x] - q[x] + r[x] >= middle) << 2
                code |= np.int32(j[x] - k[x] - p[x] + q[x] >= middle) << 1
                code |= np.int32(e[x] - f[x] - j[x] + k[x] >= middle)
                codes[i] = code
            own_answers = answers[node]
            for i in range(across):
                totals[i] += own_answers[codes[i]]
            continue
        first, second, third = weights[node]
        cut = cuts[node]
        left, right = float(leaves[2 * node]), float(leaves[2 * node + 1])
        if third == 0:
            for i in range(across):
                x = np.uint32(i)
                value = first * (a[x] - b[x] - c[x] + d[x]) + second * (e[x] - f[x] - g[x] + h[x])
                totals[i] += left if np.float32(value) * scales[i] < cut else right
        else:
            for i in range(across):
                x = np.uint32(i)
                value = first * (a[x] - b[x] - c[x] + d[x]) + second * (e[x] - f[x] - g[x] + h[x])
                value += third * (j[x] - k[x] - m[x] + n[x])
                totals[i] += left if np.float32(value) * scales[i] < cut else right
