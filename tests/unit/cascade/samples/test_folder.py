from dataclasses import replace

import cv2
import numpy as np
import pytest

from cascade.errors import DataError
from cascade.pictures import read_gray
from cascade.samples.annotations import read_objects
from cascade.samples.folder import read_sizes, write_folder
from cascade.samples.image_annotations import plain_entry
from cascade.samples.lists import read_background
from cascade.samples.sieve import Picture, Sieve
from cascade.samples.variants import Variants
from cascade.samples.window import Window


@pytest.fixture
def noise(tmp_path):
    """Twenty pictures of noise, each of another size."""
    generator = np.random.default_rng(1)
    paths = [tmp_path / f"{index:02d}.png" for index in range(20)]
    for index, path in enumerate(paths):
        cv2.imwrite(str(path), generator.integers(0, 256, (48 + index, 42 + index), np.uint8))
    return paths


def write(folder, *pictures, aspect="crop", held_out=0.25, seed=0):
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    sieve = Sieve(Window(21, 24, aspect), Variants(0, False, 0.02, 0.04, 4.0), seed, 4.0, None, scratch)
    return write_folder(folder, list(sieve.sift(pictures)), held_out, seed)


def test_padding_reaches_beyond_the_picture(noise, tmp_path):
    folder = tmp_path / "out"
    entry = plain_entry(noise[0], [(0, 0, 21, 48)])
    (picture,) = write(folder, Picture("positive", noise[0], entry), aspect="pad")
    assert (folder / "positives.dat").read_text() == "positives/000000.png\t1\t0 0 42 48\n"
    padded = read_gray(folder / "positives" / "000000.png")
    assert padded.shape == (48, 53) and picture.boxes == [(-11, 0, 42, 48)] and picture.changes == ["padded"]
    np.testing.assert_array_equal(padded[:, 11:], read_gray(noise[0]))
    np.testing.assert_array_equal(padded[:, :11], np.repeat(padded[:, 11:12], 11, axis=1))
    expected = cv2.resize(padded[:, :42], (21, 24), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(picture.samples[0, 0], expected)


def test_places_move_with_the_picture_that_padding_moves(noise, tmp_path):
    picture = cv2.imread(str(noise[19]), 0)
    cv2.circle(picture, (30, 50), 4, 255, -1)
    cv2.imwrite(str(noise[19]), picture)
    rows = [(0, 0, 21, 48), (26, 46, 9, 9), (-10000, -10000, 20000, 20000)]
    entry = replace(plain_entry(noise[19], rows), ignore=np.array([False, False, True]))
    folder = tmp_path / "out"
    write(folder, Picture("positive", noise[19], entry), aspect="pad")
    assert (folder / "positives.dat").read_text() == "positives/000000.png\t1\t0 0 42 48\n"
    listed = "positives/000000.png\t2\t37 46 9 9 -9989 -10000 20000 20000\n"
    assert (folder / "ignore.dat").read_text() == listed
    padded = read_gray(folder / "positives" / "000000.png")
    np.testing.assert_array_equal(padded[46:55, 37:46], picture[46:55, 26:35])


def test_padding_at_the_far_borders_alone_is_written_too(noise, tmp_path):
    folder = tmp_path / "out"
    (picture,) = write(folder, Picture("positive", noise[0], plain_entry(noise[0], [(21, 0, 21, 48)])), aspect="pad")
    assert picture.listed == [(10, 0, 42, 48)]
    assert read_gray(folder / "positives" / "000000.png").shape == (48, 52)


def test_regions_to_ignore_are_listed_for_both_splits(noise, tmp_path):
    folder = tmp_path / "out"
    entries = [plain_entry(path, [(0, 0, 21, 24), (index, 1, 2, 3)]) for index, path in enumerate(noise)]
    chosen = write(folder, *(Picture("positive", entry.path, entry) for entry in entries))
    for base in (folder, folder / "held_out"):
        objects = read_objects(base / "positives.dat", base / "ignore.dat")
        assert len(objects) == (5 if base.name == "held_out" else 15)
        for entry in objects:
            number = next(i for i, path in enumerate(noise) if path.samefile(entry.path))
            assert entry.boxes.tolist() == [[0, 0, 21, 24], [number, 1, 2, 3]]
            assert entry.ignore.tolist() == [False, True]
    assert len(chosen) == 20


def test_no_list_where_there_is_no_region(noise, tmp_path):
    write(tmp_path / "out", Picture("positive", noise[0], plain_entry(noise[0], [(0, 0, 21, 24)])))
    assert not (tmp_path / "out/ignore.dat").exists()


def test_nothing_usable_says_why(tmp_path):
    with pytest.raises(DataError, match="None of the 2 positives can be used: 2 missing"):
        write(tmp_path / "out", Picture("positive", tmp_path / "a"), Picture("positive", tmp_path / "b"))


def test_split_depends_on_the_seed_alone(tmp_path, noise):
    held_out = []
    for run, seed in enumerate((0, 0, 1)):
        folder = tmp_path / f"run{run}"
        chosen = write(folder, *(Picture("positive", path) for path in noise), seed=seed)
        assert [picture.split for picture in chosen].count("held_out") == 5
        assert len((folder / "positives.dat").read_text().splitlines()) == 15
        held_out.append([row for row in (folder / "pictures.csv").read_text().splitlines() if "held_out" in row])
    assert held_out[0] == held_out[1] != held_out[2]


def test_sizes_of_the_negatives_are_remembered(tmp_path, noise):
    folder = tmp_path / "two words"
    write(folder, *(Picture("negative", path) for path in noise), held_out=0.1)
    sizes = read_sizes(folder / "bg.txt")
    assert list(sizes) != [] and set(sizes) == set(read_background(folder / "bg.txt"))
    assert all(read_gray(path).shape == (height, width) for path, (width, height) in sizes.items())
    assert read_sizes(tmp_path / "bg.txt") == {}


def test_sizes_of_an_older_folder_are_unknown(tmp_path):
    old = "role,source,used,split,file,boxes,changes\nnegative,/n.png,1,train,negatives/000000.png,,\n"
    (tmp_path / "pictures.csv").write_text(old)
    assert read_sizes(tmp_path / "bg.txt") == {}


def test_pictures_are_links_where_they_can_be(tmp_path, noise):
    write(tmp_path / "out", Picture("negative", noise[3]))
    assert (tmp_path / "out/negatives/000000.png").samefile(noise[3])
