import pytest

from cascade.samples.window import WindowFitter


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
    fit = WindowFitter(21, 24, 0.05, how).fit(box, 200, 200)
    assert fit.box == expected and fit.change == change


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
    fit = WindowFitter(21, 24, 0.05, how).fit(box, 200, 200)
    assert fit.box is None and reason in fit.change
