import numpy as np
import pytest

from benchmarks.fer_faces import AGREEMENT, agreed_box, canonical_box
from cascade import Detections
from cascade.boxes import iou
from fer.crop import FER2013_CROP


def test_the_crop_of_the_box_is_the_picture_again():
    for side in (48, 480):
        left, top, cut = FER2013_CROP.squares(np.array([canonical_box(side)], np.float32))[0]
        assert abs(left) <= 1 and abs(top) <= 1 and abs(cut - side) <= 1


class Fixed:
    """Finds the bright square that stands for a face, so many of its sides to the right of where its box is."""

    def __init__(self, shift):
        self.shift = shift

    def detect(self, image):
        y, x = (np.flatnonzero((image > 250).any(axis)) for axis in (1, 0))
        side = x[-1] - x[0] + 1
        box = np.add(canonical_box(side), (x[0] + self.shift * side, y[0], 0, 0))
        return Detections(np.array([[1, 1, 5, 5], box], np.float32), np.ones(2, np.float32))


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_the_box_is_the_mean_of_both(shift):
    box = agreed_box(np.full((48, 48), 255, np.uint8), Fixed(shift), np.random.default_rng(0))
    assert np.abs(np.array(box) - canonical_box(48) - np.array((shift * 48 / 2, 0, 0, 0))).max() < 2.5


def test_no_box_where_they_disagree():
    box = np.array([canonical_box(48)])
    assert iou(box, np.add(box, (0.5 * 48, 0, 0, 0)))[0, 0] < AGREEMENT
    assert agreed_box(np.full((48, 48), 255, np.uint8), Fixed(0.5), np.random.default_rng(0)) is None
