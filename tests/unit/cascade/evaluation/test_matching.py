from dataclasses import replace

import numpy as np
import pytest

from cascade import BoxAdjustment, Detections
from cascade.evaluation.curves import Curve
from cascade.evaluation.matching import fit_adjustment, match
from cascade.evaluation.truth import FaceFilter
from cascade.samples.image_annotations import ImageAnnotations, plain_entry

FACE = [10.0, 10.0, 20.0, 20.0]


def detections(*rows):
    """Rows of box and score."""
    table = np.asarray(rows, np.float64).reshape(-1, 5)
    return Detections.ranked(table[:, :4], table[:, 4])


def claims(found, faces, ignore=None, threshold=0.4):
    entry = plain_entry("a.png", faces)
    return match(found, entry if ignore is None else replace(entry, ignore=np.asarray(ignore)), threshold).tolist()


def test_nothing_meets_nothing():
    assert claims(detections(), []) == []
    assert claims(detections(), [FACE]) == []
    assert claims(detections([*FACE, 1]), []) == [-1]


def test_a_face_is_found_once():
    assert claims(detections([*FACE, 1], [11, 10, 20, 20, 5]), [FACE]) == [0, -1]


def test_the_better_score_chooses_first_and_the_rest_take_what_is_left():
    faces = [FACE, [16, 10, 20, 20]]
    # both overlap the first face more; the second detection is still right, about the other face
    assert claims(detections([11, 10, 20, 20, 2], [12, 10, 20, 20, 1]), faces) == [0, 1]


def test_threshold_is_inclusive():
    half = [10.0, 10.0, 20.0, 10.0]
    assert claims(detections([*half, 1]), [FACE], threshold=0.5) == [0]
    assert claims(detections([*half, 1]), [FACE], threshold=0.51) == [-1]


def test_ignored_faces_excuse_any_number():
    found = detections([*FACE, 3], [11, 10, 20, 20, 2], [90, 90, 9, 9, 1])
    assert claims(found, [FACE], ignore=[True]) == [0, 0, -1]
    # one that is taken excuses nobody, an ignored one beside it does
    assert claims(found, [FACE, [10, 11, 20, 20]], ignore=[False, True]) == [0, 1, -1]


def test_a_face_that_counts_comes_before_an_ignored_one():
    # the ignored box fits better, but the other one may still be claimed
    assert claims(detections([*FACE, 1]), [FACE, [12, 10, 20, 20]], ignore=[True, False]) == [1]


def test_wider_flags_filter():
    names = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")
    rows = np.array(
        [[0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0],
         [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]]
    )  # fmt: skip
    boxes = np.array([[0, 0, 30, 30]] * 6 + [[0, 0, 23, 40]], np.float64)
    entry = ImageAnnotations(None, boxes, np.zeros(7, bool), {n: rows[:, i] for i, n in enumerate(names)})
    assert FaceFilter().apply(entry).ignore.tolist() == [False, False, True, True, True, True, True]
    lax = FaceFilter(min_size=0, max_blur=2, max_occlusion=2, max_pose=1, invalid=True)
    assert not lax.apply(entry).ignore.any()
    assert FaceFilter(max_blur=0).apply(entry).ignore.sum() == 6


def test_filter_without_flags_uses_size_alone():
    entry = plain_entry("a.png", [[0, 0, 10, 10], [0, 0, 30, 30]])
    assert FaceFilter().apply(entry).ignore.tolist() == [False, False]
    assert FaceFilter(min_size=20).apply(entry).ignore.tolist() == [True, False]


class TestCurve:
    # by falling score: right, wrong, right, right, wrong; five faces in two images
    curve = Curve.of([9, 8, 7, 6, 5], [1, 0, 1, 1, 0], faces=5, images=2)

    def test_points(self):
        assert self.curve.found.tolist() == [1, 1, 2, 3, 3]
        assert self.curve.wrong.tolist() == [0, 1, 1, 1, 2]

    @pytest.mark.parametrize(("allowed", "rate"), [(0, 0.2), (0.9, 0.2), (1, 0.6), (2, 0.6), (167, 0.6)])
    def test_rate_at(self, allowed, rate):
        assert self.curve.rate_at(allowed) == pytest.approx(rate)

    def test_average_precision_by_hand(self):
        # recall rises by 1/5 at precision 1, then twice at the envelope's 3/4
        assert self.curve.average_precision() == pytest.approx(0.2 + 2 * 0.2 * 0.75)

    def test_perfect_and_empty(self):
        assert Curve.of([2, 1], [1, 1], 2, 1).average_precision() == pytest.approx(1)
        empty = Curve.of([], [], 3, 1)
        assert empty.average_precision() == 0
        assert empty.rate_at(10) == 0

    def test_equal_scores_cannot_be_told_apart(self):
        tied = Curve.of([1, 1, 1], [1, 0, 1], faces=2, images=1)
        assert tied.found.tolist() == [2]
        assert tied.rate_at(0) == 0
        assert Curve.of([1, 1], [0, 1], 2, 1).average_precision() == Curve.of([1, 1], [1, 0], 2, 1).average_precision()


class TestFit:
    def pairs(self, adjustment, count):
        rng = np.random.default_rng(0)
        for _ in range(count):
            box = np.array([[*rng.uniform(0, 500, 2), *([rng.uniform(30, 90)] * 2)]])
            noise = rng.normal(0, 0.5, (1, 4))
            found = Detections(box.astype(np.float32), np.ones(1, np.float32))
            yield found, plain_entry("a.png", adjustment.apply(box) + noise)

    def test_recovers_what_was_done(self):
        true = BoxAdjustment(0.05, -0.1, 1.2, 1.35)
        fitted = fit_adjustment(self.pairs(true, 60))
        for name, value in vars(true).items():
            assert getattr(fitted, name) == pytest.approx(value, abs=0.02)

    def test_too_few_faces_fit_nothing(self):
        assert fit_adjustment(self.pairs(BoxAdjustment(), 19)) is None
        assert fit_adjustment([]) is None
