import itertools

import numpy as np
import pytest

from cascade.boost.model import BoostedModel, Samples
from cascade.boost.pruning import cheapest_cuts, cut_into_stages, partial_sums

W, H = 20, 22


def cost(passed, ends):
    """Trees a window in the mean, where the sum is asked after so many trees."""
    reached = [1.0, *(passed[end - 1] for end in ends[:-1])]
    return sum(share * end for share, end in zip(reached, ends, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_cuts_are_cheaper(seed):
    passed = np.sort(np.random.default_rng(seed).uniform(0, 1, 9) ** 3)[::-1]
    ways = [(*cuts, 9) for count in range(9) for cuts in itertools.combinations(range(1, 9), count)]
    ends, mean = cheapest_cuts(passed)
    assert mean == pytest.approx(cost(passed, ends)) == pytest.approx(min(cost(passed, way) for way in ways))


def windows(picture, count, seed):
    random = np.random.default_rng(seed)
    return Samples(np.array([picture[y : y + H, x : x + W] for y, x in random.integers(0, 480, (count, 2))]))


@pytest.mark.parametrize("recall", [0.5, 0.9, 1.0])
def test_what_the_whole_accepts_is_lost_nowhere(draw, pictures, recall):
    model = draw("LBP", 1, nested=True)
    faces = windows(pictures[0], 400, 1)
    negatives = []
    for index in range(len(model.stages)):
        before = BoostedModel(model.window, model.features, model.stages[:index])
        some = windows(pictures[0], 500, 2)
        accepted = before.judge(some)[0] == index
        negatives.append((float(accepted.mean()), Samples(some.patches[accepted])))
    stages = cut_into_stages(model, faces, negatives, recall)
    cut = BoostedModel(model.window, model.features, stages)
    kept = (cut.judge(faces)[0] == len(stages)).mean()
    assert recall <= kept <= recall + 0.01
    assert [tree for stage in stages for tree in stage.trees] == model.trees()
    assert [stage.goes_on for stage in stages] == [False] + [True] * (len(stages) - 1)
    # the sums at the ends of stages are those that the cascade gives
    final = partial_sums(model, model.trees(), faces)[-1]
    passed, sums = cut.judge(faces)
    assert np.allclose(sums[passed == len(stages)], final[passed == len(stages)])
