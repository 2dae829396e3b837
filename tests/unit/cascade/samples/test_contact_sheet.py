import cv2
import numpy as np
import pytest

from cascade.errors import SampleError
from cascade.samples.contact_sheet import contact_sheet, write_contact_sheet


def test_every_sample_is_on_the_sheet():
    samples = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 4, 3), np.uint8)
    sheet = contact_sheet(samples, columns=4, rows=5, scale=1)
    assert sheet.shape == (2 * 5 + 1, 4 * 4 + 1)
    assert [sheet[1 + 5 * (i // 4), 1 + 4 * (i % 4)] for i in range(6)] == list(range(6))


def test_too_many_are_thinned_out_evenly():
    samples = np.arange(100, dtype=np.uint8)[:, None, None] * np.ones((100, 2, 2), np.uint8)
    sheet = contact_sheet(samples, columns=2, rows=2, scale=1)
    assert [sheet[1, 1], sheet[1, 4], sheet[4, 1], sheet[4, 4]] == [0, 33, 66, 99]


def test_none():
    assert contact_sheet(np.zeros((0, 24, 21), np.uint8)).ndim == 2


def test_written(tmp_path):
    write_contact_sheet(tmp_path / "new folder" / "a.png", np.zeros((3, 4, 4), np.uint8))
    assert cv2.imread(str(tmp_path / "new folder" / "a.png"), 0).shape == (12, 32)
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(SampleError, match=r"taken\.png"):
        write_contact_sheet(tmp_path / "taken.png", np.zeros((3, 4, 4), np.uint8))
