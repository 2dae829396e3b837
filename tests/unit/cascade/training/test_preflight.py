import re

import cv2
import numpy as np
import pytest

from cascade.samples.vec import write_vec
from cascade.training.preflight import count_windows
from cascade.training.preflight import inspect as look_at
from cascade.training.trainer import Inputs

WINDOW = (12, 14)


def inspect(vec, bg, window, track=iter, uses=("vec",), **lists):
    inputs = Inputs(vec, bg, window, **lists)
    return inputs, look_at(inputs, uses, track)


@pytest.fixture
def folder(tmp_path):
    write_vec(tmp_path / "a.vec", np.zeros((3, 14, 12), np.uint8))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((14, 12), np.uint8))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((9, 9), np.uint8))
    cv2.imwrite(str(tmp_path / "web.webp"), np.zeros((30, 30), np.uint8))
    (tmp_path / "damaged.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    return tmp_path


def test_windows_of_a_picture():
    assert count_windows(24, 24, 24, 24) == 1
    assert count_windows(48, 24, 24, 24) == 3


def test_what_cannot_be_used_is_left_out_and_said(folder):
    (folder / "bg.txt").write_text("a.png\nsmall.png\nweb.webp\ngone.png\ndamaged.png\n")
    told = []
    inputs, found = inspect(folder / "a.vec", folder / "bg.txt", WINDOW, lambda listed: told.extend(listed) or listed)
    assert (inputs.samples, inputs.negatives, inputs.windows) == (3, [folder / "a.png"], 1)
    assert found.errors == [] and "4 of 5 negatives are left out" in found.warnings[0]
    for part in ("small.png of 9×9 is smaller than the window", "web.webp is not JPEG", "gone.png: No such file"):
        assert part in found.warnings[0]
    assert len(told) == 5


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (None, "There is no list of negatives at"),
        ("", "No picture that .* lists can be used"),
        ("gone.png", "no smaller than 12×14"),
    ],
)
def test_without_negatives(folder, listed, message):
    if listed is not None:
        (folder / "bg.txt").write_text(listed)
    _, found = inspect(folder / "a.vec", folder / "bg.txt", WINDOW)
    assert len(found.errors) == 1 and re.search(message, found.errors[0])


def test_positives(folder):
    (folder / "bg.txt").write_text("a.png")
    (folder / "short.vec").write_bytes(b"12345")
    write_vec(folder / "empty.vec", np.zeros((0, 14, 12), np.uint8))
    messages = {"none.vec": "no .vec file at", "short.vec": "is no .vec file", "empty.vec": "holds no samples"}
    for name, message in messages.items():
        inputs, found = inspect(folder / name, folder / "bg.txt", WINDOW)
        assert inputs.samples == 0 and message in found.errors[0]
    _, found = inspect(folder / "a.vec", folder / "bg.txt", (10, 10))
    assert "168 pixels, the window is 10×10 = 100" in found.errors[0] and "12×14" in found.errors[0]


def test_sizes_that_the_preparation_remembered_are_believed(folder):
    (folder / "bg.txt").write_text("damaged.png\na.png\ngone.png\n")
    columns = "role,source,used,split,file,boxes,changes,width,height"
    rows = [f"negative,x,1,train,{name},,,36,30" for name in ("damaged.png", "gone.png")]
    (folder / "pictures.csv").write_text("\n".join([columns, *rows]) + "\n")
    inputs, found = inspect(folder / "a.vec", folder / "bg.txt", WINDOW)
    assert inputs.negatives == [folder / "damaged.png", folder / "a.png"]  # its bytes were not looked at again
    assert inputs.windows == count_windows(36, 30, *WINDOW) + 1
    assert "gone.png: No such file" in found.warnings[0]


class TestPictures:
    """A trainer that learns from whole pictures is not asked for a .vec of its window."""

    @pytest.fixture
    def look(self, folder):
        (folder / "bg.txt").write_text("a.png")
        (folder / "positives.dat").write_text("a.png\t2\t0 0 5 5 3 3 5 5\nsmall.png\t1\t0 0 5 5\n")
        (folder / "ignore.dat").write_text("small.png\t1\t-100 -100 200 200\n")

        def run(pictures="positives.dat", ignore="ignore.dat"):
            lists = {"pictures": pictures and folder / pictures, "ignore": ignore and folder / ignore}
            return inspect(folder / "none.vec", folder / "bg.txt", (12, 12), uses=("pictures", "ignore"), **lists)

        return run

    @pytest.mark.parametrize("ignore", ["ignore.dat", None])
    def test_boxes_are_counted(self, look, ignore):
        inputs, found = look(ignore=ignore)
        assert (inputs.samples, found.errors) == (3, [])

    def test_what_is_wrong_is_said(self, look, folder):
        (folder / "gone.dat").write_text("# none\ngone.png\t1\t0 0 5 5\n")
        (folder / "empty.dat").write_text("a.png\t0\n")
        for lists, message in (
            ({"pictures": None}, "no list of pictures with boxes"),
            ({"pictures": "gone.dat"}, r"gone\.dat, line 2: there is no picture .*gone\.png"),
            ({"ignore": "gone.dat"}, r"gone\.dat, line 2"),
            ({"ignore": "none.dat"}, r"cannot read .*none\.dat"),
            ({"pictures": "empty.dat", "ignore": None}, r"empty\.dat lists no boxes"),
        ):
            inputs, found = look(**lists)
            assert inputs.samples == 0 and re.search(message, found.errors[0])
