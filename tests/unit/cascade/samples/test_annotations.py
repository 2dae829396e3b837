import json
import os

import cv2
import numpy as np
import pytest

from cascade.boxes import face_box
from cascade.errors import ConfigError, DataError
from cascade.samples.annotations import add_regions, detect_format, read_annotations, read_objects
from cascade.samples.formats import split_info
from cascade.samples.image_annotations import plain_entry

WIDER = """0--Parade/a b.jpg
2
10 20 30 40 0 1 0 0 0 1 \n100 20 3 4 2 0 0 1 2 0
0--Parade/none.jpg
0
0 0 0 0 0 0 0 0 0 0 \n0--Parade/flat.jpg
2
5 5 0 9 0 0 0 1 0 0
5 5 9 9 1 0 1 0 1 0
"""


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "name", "boxes"),
    [
        ("a.jpg\t1\t1 2 3 4", "a.jpg", [[1, 2, 3, 4]]),
        ("a.jpg 2 1 2 3 4 5 6 7 8", "a.jpg", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("a.jpg  1  1 2  3 4", "a.jpg", [[1, 2, 3, 4]]),
        ("my 2 cats 1.jpg\t1\t1 2 3 4", "my 2 cats 1.jpg", [[1, 2, 3, 4]]),
        ("my 2 cats 1.jpg 1 1 2 3 4", "my 2 cats 1.jpg", [[1, 2, 3, 4]]),
        ("none.jpg\t0", "none.jpg", np.zeros((0, 4))),
        ("none.jpg 0", "none.jpg", np.zeros((0, 4))),
        ("-.jpg 1 -1.5 2 3.25 4", "-.jpg", [[-1.5, 2, 3.25, 4]]),
    ],
)
def test_info_list(tmp_path, line, name, boxes):
    path = write(tmp_path / "list.dat", f"# comment\n\n{line}\n\n")
    assert detect_format(path) == "opencv"
    (entry,) = read_annotations(path)
    assert entry.path == tmp_path / name
    np.testing.assert_array_equal(entry.boxes, boxes)
    assert entry.boxes.shape[1] == 4
    assert not entry.ignore.any()


def test_wider_with_its_quirks(tmp_path):
    path = write(tmp_path / "gt.txt", WIDER)
    assert detect_format(path) == "wider"
    faces, none, flat = read_annotations(path)
    assert faces.path == tmp_path / "0--Parade" / "a b.jpg"
    np.testing.assert_array_equal(faces.boxes, [[10, 20, 30, 40], [100, 20, 3, 4]])
    assert faces.flags["blur"].tolist() == [0, 2]
    assert faces.flags["invalid"].tolist() == [0, 1]
    assert faces.flags["occlusion"].tolist() == [0, 2]
    assert faces.flags["pose"].tolist() == [1, 0]
    assert none.boxes.shape == (0, 4)
    np.testing.assert_array_equal(flat.boxes, [[5, 5, 9, 9]])
    assert flat.flags["illumination"].tolist() == [1]


def test_landmark_lists_become_boxes(tmp_path):
    # eyes 20 apart; the mouth 33 below them is the larger measure: s = 30, width 66
    lines = "many.gif 40 50 60 50 50 60 42 83 50 83 58 83\none.gif 10 10 30 10 20 20 12 21 20 21 28 21\n"
    path = write(tmp_path / "cmu.txt", lines + "many.gif 140 50 160 50 150 60 142 83 150 83 158 83\n")
    assert detect_format(path) == "mit_cmu"
    many, one = read_annotations(path)
    assert many.path == tmp_path / "many.gif"
    height = 66 * 8 / 7
    np.testing.assert_allclose(many.boxes[0], [50 - 33, 50 - 0.36 * height, 66, height])
    np.testing.assert_allclose(many.boxes[1] - many.boxes[0], [100, 0, 0, 0], atol=1e-9)
    # here the eyes' distance is: 20 > 11 / 1.1
    np.testing.assert_allclose(one.boxes[0][2:], [44, 44 * 8 / 7])


def test_landmark_box_turns_with_nobody():
    upright = face_box(((0, 0), (10, 0)), (5, 5))
    tilted = face_box(((0, 0), (8, 6)), (1, 7))
    assert tilted[2] == pytest.approx(upright[2]) == pytest.approx(22)


def test_yolo(tmp_path):
    (tmp_path / "images" / "sub").mkdir(parents=True)
    (tmp_path / "labels" / "sub").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / "sub" / "a.png"), np.zeros((50, 100, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "images" / "empty.png"), np.zeros((50, 100, 3), np.uint8))
    write(tmp_path / "labels" / "sub" / "a.txt", "0 0.5 0.5 0.2 0.4\n1 0.1 0.1 0.1 0.1 0.99\n")
    write(tmp_path / "labels" / "classes.txt", "face\nhat\n")
    assert detect_format(tmp_path / "labels") == "yolo"
    empty, entry = read_annotations(tmp_path / "labels")
    assert empty.boxes.shape == (0, 4)
    np.testing.assert_allclose(entry.boxes, [[40, 15, 20, 20], [5, 2.5, 10, 5]])
    _, faces = read_annotations(tmp_path / "labels", category=0)
    np.testing.assert_allclose(faces.boxes, [[40, 15, 20, 20]])


def coco(categories=("face",)):
    return {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
        "annotations": [
            {"image_id": 7, "category_id": 0, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "category_id": 0, "bbox": [5, 6, 70, 80], "iscrowd": 1},
            {"image_id": 7, "category_id": 1, "bbox": [9, 9, 9, 9]},
        ],
    }


def test_coco(tmp_path):
    path = write(tmp_path / "coco.json", json.dumps(coco(("Face", "hat"))))
    assert detect_format(path) == "coco"
    a, b = read_annotations(path)
    np.testing.assert_array_equal(a.boxes, [[1, 2, 3, 4], [5, 6, 70, 80]])
    assert a.ignore.tolist() == [False, True]
    assert b.path == tmp_path / "b.jpg"
    assert len(b) == 0
    np.testing.assert_array_equal(read_annotations(path, category="hat")[0].boxes, [[9, 9, 9, 9]])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.dat", "a.jpg\t2\t1 2 3 4\n", r"a\.dat, line 1: 2 boxes need 8 numbers, found 4"),
        ("a.dat", "ok.jpg 0\n\na.jpg 1 1 2 x 4\n", r"a\.dat, line 3: 1 boxes need 4"),
        ("a.dat", "a.jpg 1 1 2 0 4\n", "line 1: .*above 0"),
        ("a.dat", "ok.jpg 0\njust words\n", "line 2: expected `path"),
        ("a.txt", "x.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "line 3: the file ends before the 2 faces"),
        ("a.txt", "x.jpg\n1\n1 2 3 4 0 0\n", "line 3: expected 10 numbers"),
        ("a.txt", "x.jpg\n0\nx.jpg\ny.jpg\n", "line 3: the image 'x.jpg' must be followed"),
        ("a.txt", "a.gif 1 1 3 1 2 2 1 3 2 3 3 3\na.gif 1 2 3\n", "line 2: expected `image leye"),
        ("a.txt", "a.gif 1 1 1 1 1 1 1 1 1 1 1 1\n", "line 1: eyes and mouth lie in one point"),
        ("a.txt", "hello world\n", "line 1: 'hello world' begins none of the known formats"),
        ("a.txt", "\n# nothing\n", "is empty"),
        ("a.json", "{", "not a JSON file"),
        ("a.json", "[1]", "`images` and `annotations`"),
        ("a.json", json.dumps(coco(("dog", "hat"))), "category="),
        ("a.json", json.dumps({**coco(), "annotations": [{"image_id": 9, "bbox": []}]}), r"\[0\]: no image .* 9"),
        ("a.json", json.dumps({**coco(), "annotations": [{"image_id": 7, "bbox": [1, 2]}]}), r"\[0\]: bbox must"),
        ("a.json", json.dumps({**coco(), "images": [{"id": 1}]}), "needs `id` and `file_name`"),
        ("a.json", "[" * 100_000, "not a JSON file"),
        ("a.json", json.dumps({**coco(), "annotations": [{"image_id": [7], "bbox": []}]}), r"\[0\]: needs"),
        ("a.json", json.dumps({**coco(), "categories": ["face"]}), "`categories` is a list of objects"),
        ("a.dat", "a.jpg\t²\t1 2 3 4\n", "line 1: "),
        ("a.dat", f"a.jpg {'9' * 5000} 1 2 3 4\n", "line 1"),
        ("a.dat", "a.jpg 1 0 0 1e300 1e300\n", "line 1: 1 boxes need 4 numbers"),
        ("a.txt", "x.jpg\n²\n", "line 1: "),
        ("a.txt", "a.gif" + " 1e308" * 12 + "\n", "line 1: "),
    ],
)
def test_errors_name_file_line_and_rule(tmp_path, name, text, message):
    with pytest.raises(DataError, match=message):
        read_annotations(write(tmp_path / name, text))


def test_a_line_of_many_numbers_takes_no_time_to_refuse(tmp_path):
    with pytest.raises(DataError, match="line 1: 1 boxes need 4 numbers, found 300000"):
        read_annotations(write(tmp_path / "a.dat", "a.jpg 1 " + "0.5 " * 300_000 + "\n"))
    assert split_info("a.jpg " + "1 " * 300_000)[1] == 1  # the first after which as many follow: near the end


def test_what_is_no_file_is_not_read_for_ever(tmp_path):
    os.mkfifo(tmp_path / "a.dat")
    with pytest.raises(DataError, match=r"cannot read .*a\.dat: a device or a pipe"):
        read_annotations(tmp_path / "a.dat")


@pytest.mark.parametrize(
    ("label", "message"),
    [("0 0.5 0.5 0.2\n", r"a\.txt, line 1: expected `class"), ("0 50 50 20 20\n", r"a\.txt, line 1: centre and size")],
)
def test_yolo_errors(tmp_path, label, message):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((5, 5), np.uint8))
    write(tmp_path / "a.txt", label)
    with pytest.raises(DataError, match=message):
        read_annotations(tmp_path)


def test_yolo_label_without_image(tmp_path):
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((5, 5), np.uint8))
    write(tmp_path / "lost.txt", "0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(DataError, match=r"lost\.txt has no image"):
        read_annotations(tmp_path)


def test_yolo_takes_no_hidden_pictures(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((5, 5), np.uint8))
    cv2.imwrite(str(tmp_path / ".a.png"), np.zeros((5, 5), np.uint8))
    write(tmp_path / "a.txt", "0 0.5 0.5 0.2 0.2\n")
    assert [entry.path.name for entry in read_annotations(tmp_path)] == ["a.png"]


def test_missing_things_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no annotation file at .*gone\.txt"):
        read_annotations(tmp_path / "gone.txt")
    path = write(tmp_path / "a.dat", "a.jpg 0\n")
    with pytest.raises(DataError, match=r"no image folder at .*nowhere"):
        read_annotations(path, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"pascal.*wider"):
        read_annotations(path, format="pascal")
    with pytest.raises(DataError, match=r"without \.txt"):
        (tmp_path / "folder").mkdir()
        read_annotations(tmp_path / "folder")
    (tmp_path / "binary.dat").write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(DataError, match="not a UTF-8"):
        read_annotations(tmp_path / "binary.dat")


def test_images_are_looked_for_beside_the_list(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((5, 5), np.uint8))
    path = write(tmp_path / "list.dat", "a.gif 0\nb.gif 0\n")
    converted, missing = read_annotations(path)
    assert converted.path == tmp_path / "images" / "a.png"
    assert missing.path == tmp_path / "images" / "b.gif"
    assert read_annotations(path, tmp_path)[0].path == tmp_path / "a.gif"


class TestObjects:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "two words"
        folder.mkdir()
        for name in ("a.png", "b.png"):
            cv2.imwrite(str(folder / name), np.zeros((9, 9), np.uint8))
        write(folder / "positives.dat", "a.png\t2\t1 1 5 5 3 3 5 5\nb.png\t1\t0 0 9 9\n")
        write(folder / "ignore.dat", "b.png\t1\t-100 -100 200 200\n")
        return folder

    def test_boxes_and_regions_come_together(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        first, second = read_objects(folder / "positives.dat", folder.relative_to(folder) / "ignore.dat")
        assert first.path == folder / "a.png" and first.ignore.tolist() == [False, False]
        assert second.boxes.tolist() == [[0, 0, 9, 9], [-100, -100, 200, 200]]
        assert second.ignore.tolist() == [False, True]
        assert second.boxes.dtype == np.float64

    def test_without_regions(self, folder):
        assert [len(entry) for entry in read_objects(folder / "positives.dat")] == [2, 1]

    @pytest.mark.parametrize("name", ["positives.dat", "ignore.dat"])
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("\nc.png\t1\t0 0 9 9\n", r"{}, line 2: there is no picture .*c\.png"),
            ("# a\na.png\t1\t0 0 9\n", "{}, line 2: 1 boxes need 4 numbers, found 3"),
            ("a.png\t1\t0 0 9 0\n", "{}, line 1: a box's width and height must be above 0"),
            ("nonsense", "{}, line 1: expected"),
            ("", "{} names no images"),
            (None, "cannot read .*{}"),
        ],
    )
    def test_what_is_wrong_is_named(self, folder, name, text, message):
        (folder / name).unlink()
        if text is not None:
            write(folder / name, text)
        with pytest.raises(DataError, match=message.format(name)):
            read_objects(folder / "positives.dat", folder / "ignore.dat")


def test_regions_keep_the_flags_of_the_faces(tmp_path):
    (faces, *_) = read_annotations(write(tmp_path / "gt.txt", WIDER))
    (both,) = add_regions([faces], [plain_entry(faces.path, [(0, 0, 9, 9)])], "list")
    assert both.ignore.tolist() == [False, False, True]
    assert both.flags["invalid"].tolist() == [0, 1, 0] and both.flags["blur"].tolist() == [0, 2, 0]
