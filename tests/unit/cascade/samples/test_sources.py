import cv2
import numpy as np
import pytest

from cascade.errors import ConfigError, DataError
from cascade.samples.sources import Source, pair_sources


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((None, None, None), []),
        (([], None, None), []),
        (("a", None, None), [("a", None, None)]),
        ((2020, None, None), [("2020", None, None)]),  # as YAML reads a folder of that name
        ((None, "a.dat", "i.dat"), [(None, "a.dat", "i.dat")]),
        ((["a"], "a.dat", None), [("a", "a.dat", None)]),
        ((["a", "b"], None, None), [("a", None, None), ("b", None, None)]),
        ((["a", None], [None, "b.dat"], [None, "i.dat"]), [("a", None, None), (None, "b.dat", "i.dat")]),
    ],
)
def test_settings_pair_up(settings, expected):
    assert pair_sources(*settings) == [Source(*given) for given in expected]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((["a", "b"], "a.dat", None), "There are 2 sources, but 1 of annotations"),
        (("a", ["a.dat", "b.dat"], ["i.dat"]), "There are 2 sources, but 1 of positives, 1 of ignore"),
        ((["a", None], ["a.dat", None], None), "neither a folder nor annotations"),
        (("a", None, "i.dat"), r"ignore=i\.dat needs annotations"),
    ],
)
def test_settings_that_do_not_pair_up(settings, message):
    with pytest.raises(ConfigError, match=message):
        pair_sources(*settings)


@pytest.fixture
def folder(tmp_path):
    """Three pictures, the first two annotated."""
    (tmp_path / "pictures").mkdir()
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"pictures/{name}.png"), np.zeros((9, 9), np.uint8))
    (tmp_path / "boxes.dat").write_text("pictures/a.png\t1\t1 1 5 5\npictures/b.png\t0\n")
    (tmp_path / "ignore.dat").write_text("pictures/c.png\t1\t0 0 1 1\npictures/a.png\t2\t-9 -9 20 20 2 2 3 3\n")
    return tmp_path


def test_regions_join_the_boxes_of_their_picture(folder):
    for root in (folder, folder / "pictures", None):  # where paths start, or not
        source = Source(root and str(root), str(folder / "boxes.dat"), str(folder / "ignore.dat"))
        first, second = source.pictures(None)
        assert first.source == folder / "pictures/a.png" and first.role == "positive"
        assert first.faces.boxes.tolist() == [[1, 1, 5, 5], [-9, -9, 20, 20], [2, 2, 3, 3]]
        assert first.faces.ignore.tolist() == [False, True, True]
        assert len(second.faces) == 0


def test_a_folder_alone_gives_its_pictures(folder):
    pictures = Source(str(folder / "pictures"), None, None).pictures(None)
    assert [picture.source.name for picture in pictures] == ["a.png", "b.png", "c.png"]
    assert all(picture.faces is None for picture in pictures)


def test_regions_of_other_pictures_are_a_mistake(folder):
    (folder / "ignore.dat").write_text("pictures/c.png\t1\t0 0 1 1\n")
    with pytest.raises(DataError, match=r"ignore\.dat: none of its pictures is among those with boxes"):
        Source(None, str(folder / "boxes.dat"), str(folder / "ignore.dat")).pictures(None)
