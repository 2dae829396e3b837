import numpy as np
import pytest

from fer.training.unsure import Unsure, choose_below


def labels(*parts: tuple[float, float, float, int]) -> tuple[np.ndarray, np.ndarray]:
    """So many labels from one probability down to another, of which a share is right, evenly strewn; in any order."""
    confidences = np.concatenate([np.linspace(high, low, count) for high, low, _, count in parts])
    shares = [np.diff(np.floor(np.linspace(0, share * count, count + 1) + 1e-9)) for _, _, share, count in parts]
    order = np.random.default_rng(0).permutation(len(confidences))
    return confidences[order], np.concatenate(shares)[order]


SURE = (1.0, 0.6, 0.9, 400)


@pytest.mark.parametrize(
    ("parts", "below"),
    [
        # a block that is mostly wrong is not shown, one that is as often right as wrong is
        ([SURE, (0.6, 0.0, 0.2, 400)], 0.6),
        ([SURE, (0.6, 0.3, 0.5, 400), (0.3, 0.0, 0.0, 4000)], 0.3),
        # 46 of 100 may be chance and are shown, 1840 of 4000 are none
        ([SURE, (0.6, 0.3, 0.46, 100), (0.3, 0.0, 0.0, 4000)], 0.3),
        ([SURE, (0.6, 0.3, 0.46, 4000), (0.3, 0.0, 0.0, 4000)], 0.59),
        # what is right further down makes up for less that is wrong before it, not for more
        ([SURE, (0.6, 0.5, 0.0, 40), (0.5, 0.3, 0.9, 400), (0.3, 0.0, 0.0, 4000)], 0.3),
        ([SURE, (0.6, 0.5, 0.0, 400), (0.5, 0.3, 0.9, 40)], 0.6),
        # all are right: as far as probabilities were seen; none is: nothing is shown
        ([(1.0, 0.35, 1.0, 50)], 0.35),
        ([(1.0, 0.95, 1.0, 6)], 0.5),
        ([(0.9, 0.3, 0.0, 50)], 1.0),
    ],
)
def test_labels_are_shown_until_they_are_more_often_wrong_than_right(parts, below: float):
    assert choose_below(*labels(*parts)) == pytest.approx(below, abs=0.03)


def test_calibrated_probabilities_are_shown_from_about_a_half():
    random = np.random.default_rng(0)
    confidences = random.uniform(0, 1, 50_000)
    assert choose_below(confidences, random.uniform(0, 1, 50_000) < confidences) == pytest.approx(0.5, abs=0.05)


def test_a_choice_is_judged_on_any_labels():
    confidences, hits = labels((0.9, 0.6, 0.9, 100), (0.5, 0.41, 0.4, 100), (0.4, 0.1, 0.2, 100))
    assert Unsure.of(confidences, hits, 0.405) == Unsure(0.405, 1 / 3, pytest.approx(0.2), pytest.approx(0.65))
    assert Unsure.of(confidences, hits, 0.0) == Unsure(0.0, 0.0, 0.0, pytest.approx(0.5))
    assert Unsure.of(confidences, hits).below == choose_below(confidences, hits)
