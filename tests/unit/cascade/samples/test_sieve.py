from dataclasses import replace

import cv2
import numpy as np
import pytest

from cascade.detector import Detections
from cascade.errors import DataError, ImageError
from cascade.pictures import find_pictures, read_gray
from cascade.samples.image_annotations import plain_entry
from cascade.samples.lists import binary_suffix
from cascade.samples.sieve import Picture, Sieve
from cascade.samples.variants import Variants
from cascade.samples.window import Window


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a picture.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (100, 120), np.uint8))
    return path


@pytest.fixture
def sieve(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Sieve(Window(21, 24), Variants(0, False, 0.02, 0.04, 4.0), 0, 4.0, None, scratch)


def look(sieve, *pictures):
    return list(sieve.sift(pictures))


def test_boxes_marked_as_unusable_are_left_out(picture, sieve):
    entry = plain_entry(picture, [(0, 0, 21, 24), (30, 30, 42, 48), (50, 50, 21, 24)])
    entry = replace(entry, ignore=np.array([True, False, False]), flags={"invalid": np.array([0, 0, 1])})
    (seen,) = look(sieve, Picture("positive", picture, entry))
    assert seen.placed == picture and seen.boxes == seen.listed == [(30, 30, 42, 48)] and seen.size == (120, 100)
    assert seen.changes == ["marked as not to be used"] * 2
    assert seen.ignored == [(0, 0, 21, 24), (50, 50, 21, 24)]
    expected = cv2.resize(read_gray(picture)[30:78, 30:72], (21, 24), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(seen.samples, expected[None, None])


def test_no_box_that_is_left_out_becomes_a_negative(picture, sieve):
    rows = [(30, 30, 42, 48), (0.5, 1.5, 9, 11), (110, 20, 42, 48), (-10000, -10000, 20000, 20000)]
    entry = replace(plain_entry(picture, rows), ignore=np.array([False, False, False, True]))
    (seen,) = look(sieve, Picture("positive", picture, entry))
    assert seen.boxes == [(30, 30, 42, 48)] and seen.placed == picture
    assert [change.split(":")[0] for change in seen.changes] == [
        *("too small", "reaches outside its picture of 120×100", "marked as not to be used")
    ]
    assert seen.ignored == [(0, 1, 10, 12), (110, 20, 42, 48), (-10000, -10000, 20000, 20000)]


def test_a_picture_of_ignored_regions_alone_is_not_kept(picture, sieve):
    entry = replace(plain_entry(picture, [(30, 30, 42, 48)]), ignore=np.array([True]))
    (seen,) = look(sieve, Picture("positive", picture, entry))
    assert seen.placed is None and seen.ignored == [(30, 30, 42, 48)]


def test_picture_without_a_box(picture, sieve):
    (seen,) = look(sieve, Picture("positive", picture, plain_entry(picture, [])))
    assert seen.placed is None and seen.changes == ["no face in it"]


def test_detector_gives_the_best_box_alone(picture, sieve):
    class Detector:
        def detect(self, image):
            assert image.shape == (100, 120)
            return Detections.ranked([(1, 2, 42, 48), (50, 50, 21, 24)], [1.0, 2.0])

    (seen,) = look(replace(sieve, detector=Detector()), Picture("positive", picture))
    assert seen.boxes == [(50, 50, 21, 24)]
    assert seen.ignored == [(1, 2, 42, 48)] and seen.changes == ["not the surest in its picture"]


def test_a_positive_is_no_negative(picture, sieve, tmp_path):
    copy = tmp_path / "copy.bmp"
    cv2.imwrite(str(copy), read_gray(picture))
    first, second = look(sieve, Picture("positive", picture), Picture("negative", copy))
    assert first.placed == picture
    assert second.placed is None and second.changes == [f"duplicate of {picture}"]


def test_a_duplicate_brings_no_samples(picture, sieve, tmp_path):
    copy = tmp_path / "copy.bmp"
    cv2.imwrite(str(copy), read_gray(picture))
    _, second = look(sieve, Picture("positive", picture), Picture("positive", copy))
    assert second.placed is None and second.samples is None and second.boxes == []


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((60, 60), 7, np.uint8), "blank"),
        (np.arange(20 * 24, dtype=np.uint8).reshape(24, 20), "too small: 20×24"),
    ],
)
def test_unusable_negatives(tmp_path, sieve, image, reason):
    cv2.imwrite(str(tmp_path / "n.png"), image)
    (seen,) = look(sieve, Picture("negative", tmp_path / "n.png"))
    assert seen.placed is None and seen.changes[0].startswith(reason)


@pytest.mark.parametrize("suffix", [".jp2", ".gif", ".avif", ".webp"])
def test_what_the_binary_cannot_decode_becomes_png(tmp_path, sieve, picture, suffix):
    path = tmp_path / f"n{suffix}"
    if not cv2.haveImageWriter(str(path)):
        pytest.skip(f"this OpenCV writes no {suffix}")
    cv2.imwrite(str(path), cv2.GaussianBlur(cv2.imread(str(picture)), (0, 0), 1))
    (seen,) = look(sieve, Picture("negative", path))
    assert seen.changes == [] and binary_suffix(seen.placed) == ".png"
    np.testing.assert_array_equal(read_gray(seen.placed), read_gray(path))


def test_variants_are_the_same_whatever_else_is_there(picture, sieve, tmp_path):
    varied = replace(sieve, variants=Variants(3, False, 0.02, 0.04, 4.0))
    (alone,) = look(varied, Picture("positive", picture))
    cv2.imwrite(str(tmp_path / "b.png"), read_gray(picture)[::-1])
    _, second = look(varied, Picture("positive", tmp_path / "b.png"), Picture("positive", picture))
    assert alone.samples.shape == (1, 4, 24, 21)
    np.testing.assert_array_equal(alone.samples, second.samples)
    (other,) = look(replace(varied, seed=1), Picture("positive", picture))
    np.testing.assert_array_equal(other.samples[:, 0], alone.samples[:, 0])
    assert not np.array_equal(other.samples[:, 1:], alone.samples[:, 1:])


def test_pictures_are_found_and_read(tmp_path, picture):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.JPG").write_bytes(b"\xff\xd8\xff no picture")
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    assert find_pictures(tmp_path) == [picture, tmp_path / "sub" / "b.JPG"]
    with pytest.raises(ImageError, match=r"b\.JPG is cut off"):
        read_gray(tmp_path / "sub" / "b.JPG")
    with pytest.raises(ImageError, match="No such file"):
        read_gray(tmp_path / "none.png")
    with pytest.raises(DataError, match="no folder"):
        find_pictures(tmp_path / "none")
    assert binary_suffix(picture) == ".png" and binary_suffix(tmp_path / "notes.txt") is None
