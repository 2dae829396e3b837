import numpy as np

from benchmarks.fer_faces import canonical_box
from fer.crop import FER2013_CROP


def test_the_crop_of_the_box_is_the_picture_again():
    for side in (48, 480):
        left, top, cut = FER2013_CROP.squares(np.array([canonical_box(side)], np.float32))[0]
        assert abs(left) <= 1 and abs(top) <= 1 and abs(cut - side) <= 1
