import numpy as np
import pytest

from cascade.samples.window import Window


@pytest.mark.parametrize(
    ("how", "box", "expected", "change"),
    [
        ("crop", (10, 10, 42, 48), (10, 10, 42, 48), ""),
        ("crop", (10, 10, 43, 48), (10, 10, 43, 48), ""),  # within the tolerance
        ("crop", (10, 10, 48, 48), (13, 10, 42, 48), "cropped"),
        ("crop", (10, 10, 42, 80), (10, 26, 42, 48), "cropped"),
        ("pad", (10, 10, 48, 48), (10, 6, 48, 55), "padded"),
        ("pad", (0, 0, 42, 80), (-14, 0, 70, 80), "padded"),
        ("crop", (-1, 10, 43, 48), (0, 10, 42, 48), ""),  # a pixel beyond the border
    ],
)
def test_fits(how, box, expected, change):
    assert Window(21, 24, how).fit(box, 200, 200) == (expected, change)


@pytest.mark.parametrize(
    ("how", "box", "reason"),
    [
        ("refuse", (10, 10, 48, 48), "aspect 48:48 is not 21:24"),
        ("crop", (10, 10, 20, 23), "too small: 20×23"),
        ("crop", (10, 10, 22, 22), "too small: 19×22"),  # large enough before it was cropped
        ("crop", (180, 180, 42, 48), "reaches outside its picture of 200×200"),
        ("crop", (300, 300, 42, 48), "reaches outside"),
    ],
)
def test_left_out(how, box, reason):
    fitted, change = Window(21, 24, how).fit(box, 200, 200)
    assert fitted is None and reason in change


def test_a_cut_is_the_mean_of_what_each_pixel_covers():
    image = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    cut = Window(8, 10).cut(image, (3, 5, 24, 50))
    means = image[5:55, 3:27].reshape(10, 5, 8, 3).mean(axis=(1, 3))
    assert cut.shape == (10, 8) and cut.dtype == np.uint8
    assert np.abs(cut - means).max() <= 0.5
