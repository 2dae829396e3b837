import struct

import numpy as np
import pytest

from cascade.errors import DataError
from cascade.samples.vec import VecHeader, possible_windows, read_vec, read_vec_header, write_vec


@pytest.mark.parametrize("count", [0, 1, 7])
def test_round_trip(tmp_path, count):
    samples = np.random.default_rng(0).integers(0, 256, (count, 24, 21), np.uint8)
    write_vec(tmp_path / "a.vec", samples)
    assert read_vec_header(tmp_path / "a.vec") == VecHeader(count, 504)
    read = read_vec(tmp_path / "a.vec", 21, 24)
    assert read.dtype == np.uint8 and read.shape == (count, 24, 21)
    np.testing.assert_array_equal(read, samples)


def test_layout_byte_by_byte(tmp_path):
    samples = np.array([[[0, 1], [2, 255]]], np.uint8)
    write_vec(tmp_path / "a.vec", samples)
    assert (tmp_path / "a.vec").read_bytes() == struct.pack("<iihhB4h", 1, 4, 0, 0, 0, 0, 1, 2, 255)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes"),
        (b"1234567", "7 bytes"),
        (struct.pack("<iihh", 5, 0, 0, 0), "is no .vec file"),
        (struct.pack("<iihh", 5, 4, 0, 0) + bytes(9), "hold 1"),  # as createsamples writes it: one of five
        (struct.pack("<iihh", 1, 4, 0, 0) + bytes(8), "hold 0 and a part"),
    ],
)
def test_damage_is_named(tmp_path, content, message):
    (tmp_path / "a.vec").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_vec_header(tmp_path / "a.vec")


def test_missing(tmp_path):
    with pytest.raises(DataError, match=r"none\.vec"):
        read_vec_header(tmp_path / "none.vec")


def test_wrong_window_lists_the_possible_ones(tmp_path):
    write_vec(tmp_path / "a.vec", np.zeros((1, 24, 21), np.uint8))
    with pytest.raises(DataError, match=r"not 24×24.*21×24"):
        read_vec(tmp_path / "a.vec", 24, 24)


def test_possible_windows():
    assert (21, 24) in possible_windows(504) and (24, 21) in possible_windows(504)
    assert all(w * h == 504 and 1 / 3 <= w / h <= 3 for w, h in possible_windows(504))
    assert possible_windows(31) == []


@pytest.mark.parametrize("samples", [np.zeros((2, 3)), np.zeros((1, 2, 2), np.float32), np.zeros((1, 0, 2), np.uint8)])
def test_only_samples_are_written(tmp_path, samples):
    with pytest.raises(DataError, match="uint8 of shape"):
        write_vec(tmp_path / "a.vec", samples)
    assert not (tmp_path / "a.vec").exists()
