from dataclasses import replace

import cv2
import numpy as np
import pytest

from cascade.detector import Detections
from cascade.errors import DataError, ImageError
from cascade.pictures import find_pictures, read_gray
from cascade.samples.image_annotations import plain_entry
from cascade.samples.lists import binary_suffix
from cascade.samples.prepare import prepare
from cascade.samples.sieve import Sieve, Source
from cascade.samples.window import WindowFitter


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a picture.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (100, 120), np.uint8))
    return path


@pytest.fixture
def sieve():
    return Sieve(WindowFitter(21, 24, 0.05, "crop"))


def test_boxes_marked_as_unusable_are_left_out(picture, sieve):
    entry = plain_entry(picture, [(0, 0, 21, 24), (30, 30, 42, 48), (50, 50, 21, 24)])
    entry = replace(entry, ignore=np.array([True, False, False]), flags={"invalid": np.array([0, 0, 1])})
    account = sieve.positive(Source(picture, entry))
    assert account.used and account.boxes == [(30, 30, 42, 48)]
    assert account.changes == ["marked as not to be used"] * 2


def test_picture_without_a_box(picture, sieve):
    account = sieve.positive(Source(picture, plain_entry(picture, [])))
    assert not account.used and account.changes == ["no face in it"]


def test_detector_gives_the_best_box_alone(picture, sieve):
    class Detector:
        def detect(self, image):
            assert image.shape == (100, 120)
            return Detections.ranked([(1, 2, 42, 48), (50, 50, 21, 24)], [1.0, 2.0])

    assert replace(sieve, detector=Detector()).positive(Source(picture)).boxes == [(50, 50, 21, 24)]


def test_a_positive_is_no_negative(picture, sieve, tmp_path):
    copy = tmp_path / "copy.bmp"
    cv2.imwrite(str(copy), read_gray(picture))
    assert sieve.positive(Source(picture)).used
    account = sieve.negative(Source(copy))
    assert not account.used and account.changes == [f"duplicate of {picture}"]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.full((60, 60), 7, np.uint8), "blank"),
        (np.arange(20 * 24, dtype=np.uint8).reshape(24, 20), "too small: 20×24"),
    ],
)
def test_unusable_negatives(tmp_path, sieve, image, reason):
    cv2.imwrite(str(tmp_path / "n.png"), image)
    account = sieve.negative(Source(tmp_path / "n.png"))
    assert not account.used and account.changes[0].startswith(reason)


def test_padding_reaches_beyond_the_picture(picture, tmp_path):
    sieve = Sieve(WindowFitter(21, 24, 0.05, "pad"))
    entry = plain_entry(picture, [(0, 10, 42, 80)])
    folder = tmp_path / "out"
    folder.mkdir()
    prepare(folder, [Source(picture, entry)], [], sieve, held_out=0.5, seed=0)
    assert (folder / "positives.dat").read_text() == "positives/000000.png\t1\t0 10 70 80\n"
    padded = read_gray(folder / "positives" / "000000.png")
    assert padded.shape == (100, 134)
    np.testing.assert_array_equal(padded[:, 14:], read_gray(picture))
    np.testing.assert_array_equal(padded[:, :14], np.repeat(padded[:, 14:15], 14, axis=1))


def test_nothing_usable_says_why(tmp_path, sieve):
    with pytest.raises(DataError, match="None of the 2 positives can be used: 2 missing"):
        prepare(tmp_path, [Source(tmp_path / "a"), Source(tmp_path / "b")], [], sieve, held_out=0.1, seed=0)


def test_split_depends_on_the_seed_alone(tmp_path, sieve):
    generator = np.random.default_rng(1)
    for index in range(20):
        cv2.imwrite(str(tmp_path / f"{index:02d}.png"), generator.integers(0, 256, (48, 42), np.uint8))
    chosen = []
    for run, seed in enumerate((0, 0, 1)):
        folder = tmp_path / f"run{run}"
        folder.mkdir()
        sources = [Source(path) for path in sorted(tmp_path.glob("*.png"))]
        result = prepare(folder, sources, [], replace(sieve, _seen={}), held_out=0.25, seed=seed)
        assert (result.positives, result.held_out_positives) == (15, 5)
        chosen.append([row for row in (folder / "pictures.csv").read_text().splitlines() if "held_out" in row])
    assert chosen[0] == chosen[1] != chosen[2]


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
