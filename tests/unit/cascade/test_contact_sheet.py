import numpy as np
import pytest

from cascade.contact_sheet import contact_sheet


def test_every_picture_is_on_the_sheet_in_its_own_aspect():
    samples = (40 * np.arange(6, dtype=np.uint8)[:, None, None] + 40) * np.ones((6, 4, 2), np.uint8)
    sheet = contact_sheet(samples, columns=4, cell=20)
    assert sheet.shape == (4 + 2 * 44, 4 + 4 * 24, 3)
    assert [sheet[20 + 44 * (i // 4), 10 + 24 * (i % 4), 0] for i in range(6)] == [40, 80, 120, 160, 200, 240]


def test_colour_captions_and_a_title():
    pictures = np.full((3, 10, 10, 3), (10, 20, 30), np.uint8)
    bare = contact_sheet(pictures, columns=2, cell=50)
    told = contact_sheet(pictures, ["a", "two\nlines", ""], columns=2, cell=50, title="what")
    assert bare[20, 20].tolist() == [10, 20, 30]
    assert told.shape[0] > bare.shape[0] and told.shape[1] == bare.shape[1]
    assert (told[:16] > 200).any() and not (bare[:4] > 200).any()


def test_no_pictures_are_a_sheet_too():
    assert contact_sheet(np.zeros((0, 24, 21), np.uint8)).ndim == 3


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="2 captions for 1"):
        contact_sheet(np.zeros((1, 4, 4), np.uint8), ["a", "b"])
    with pytest.raises(ValueError, match="images must be"):
        contact_sheet(np.zeros((4, 4), np.uint8))
