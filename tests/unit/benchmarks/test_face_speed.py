"""That the benchmark counts and times the pictures that it says; what it finds is not the point."""

import re
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import face_speed
from cascade import Detections
from cascade.drawn.scenes import render_scene
from cascade.evaluation.truth import FaceFilter
from cascade.samples.image_annotations import ImageAnnotations, plain_entry
from tests.convolutional_model import write_bright


@pytest.mark.parametrize("shape", [(100, 1280, 3), (960, 1280, 3), (2000, 640, 3), (300, 320), (1, 900, 3)])
def test_every_picture_is_timed_at_the_same_size(shape: tuple[int, ...]):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    framed = face_speed.framed(image)
    assert framed.shape == (480, 640, *shape[2:]) and framed.dtype == np.uint8
    small = face_speed.scaled(image)
    middle = slice((len(framed) - len(small)) // 2, None) if len(small) <= 480 else slice(None)
    shown = small if len(small) <= 480 else small[(len(small) - 480) // 2 :][:480]
    np.testing.assert_array_equal(framed[middle][: len(shown)], shown)


def test_faces_are_counted_by_their_size_in_the_picture_that_is_searched(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((600, 1280, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((100, 320, 3), np.uint8))
    rows = [[10, 20, 30, 40], [100, 50, 36, 28]]
    entries = [plain_entry(tmp_path / name, rows) for name in ("large.png", "small.png")]
    seen: list[tuple[tuple[int, ...], ImageAnnotations]] = []
    for entry in face_speed.counted(entries, FaceFilter(15), tmp_path):
        seen.append((cv2.imread(str(entry.path)).shape, entry))
    (large, first), (small, second) = seen
    assert large == (300, 640, 3) and small == (200, 640, 3)
    np.testing.assert_array_equal(first.boxes, np.array(rows) / 2)
    np.testing.assert_array_equal(second.boxes, np.array(rows) * 2)
    assert first.ignore.tolist() == [False, True] and second.ignore.tolist() == [False, False]


class Oracle:
    """Knows where the faces of the drawn scene are."""

    def detect(self, image: np.ndarray) -> Detections:
        boxes = [face.box for face in render_scene(1, 0, n_faces=2, min_size=60).faces]
        return Detections.ranked(boxes, np.ones(len(boxes)))


def rows_of(printed: str) -> dict[str, list[str]]:
    """The table's cells, by the first of each row."""
    lines = [re.split(r"\s*[│┃]\s*", line)[1:-1] for line in printed.splitlines()]
    return {row[0]: row[1:] for row in lines if row}


def test_a_threshold_does_not_end_the_curve(tmp_path: Path, monkeypatch, capsys):
    """The bright face scores 0.8, its left half, no face, 0.4; only the time depends on what is looked for."""
    picture = np.zeros((480, 640), np.uint8)
    picture[100:200, 100:200] = 204
    cv2.imwrite(str(tmp_path / "bright.png"), picture)
    (tmp_path / "faces.txt").write_text("bright.png\t2\t100 100 100 100 100 300 50 50\n")
    model = write_bright(tmp_path / "mine" / "detector.onnx")
    strict = f"{{detector: {model.parent}, threshold: 0.95, name: strict}}"
    arguments = [str(tmp_path / "faces.txt"), str(tmp_path), "--detectors", str(model), strict, "--false-alarms", "0"]
    monkeypatch.setattr(sys, "argv", ["face_speed", *arguments, "--rounds", "1", "--min-size", "10"])
    face_speed.main()
    cells = rows_of(capsys.readouterr().out)
    assert cells["mine"][3] == cells["strict"][3] == "50.0%"
    assert float(cells["mine"][0]) > 0


def test_the_table_shows_every_detector_beside_the_reference(tmp_path: Path, monkeypatch, capsys):
    scene = render_scene(1, 0, n_faces=2, min_size=60)
    cv2.imwrite(str(tmp_path / "scene.png"), scene.image)
    places = " ".join(str(round(value)) for face in scene.faces for value in face.box)
    (tmp_path / "faces.txt").write_text(f"scene.png\t{len(scene.faces)}\t{places}\n")
    timed: list[tuple] = []

    def take_times(detectors, images, threads, rounds, timer):
        timed.append((list(detectors), [image.shape for image in images], threads, rounds, timer))
        return np.array([[[0.040, 0.010, 0.100]], [[0.020, 0.016, 0.200]]])

    monkeypatch.setattr(face_speed, "take_times", take_times)
    oracle = f"{{_target_: {Oracle.__module__}.Oracle, name: "
    detectors = ["--detectors", f"{oracle}slow}}", f"{oracle}fast}}", "{detector: alt2, scale_factor: 1.3}"]
    more = ["--reference", "fast", "--rounds", "2", "--timed", "1", "--false-alarms", "0"]
    monkeypatch.setattr(sys, "argv", ["face_speed", str(tmp_path / "faces.txt"), str(tmp_path), *detectors, *more])
    face_speed.main()
    assert timed == [(["slow", "fast", "alt2"], [(480, 640, 3)], 1, 2, time.process_time)]
    printed = capsys.readouterr().out
    cells = rows_of(printed)
    assert cells["detector"] == ["ms", "median", "ratio", "found @0"]
    assert cells["slow"] == ["20.0", "30.0", "0.50", "100.0%"]
    assert cells["fast"] == ["10.0", "13.0", "1.00", "100.0%"]
    assert cells["alt2"][:3] == ["100.0", "150.0", "0.10"]
    assert "2 faces from 15 pixels in 1 pictures" in printed and "ratio: fast 1" in printed

    monkeypatch.setattr(sys, "argv", [*sys.argv, "--reference", "none"])
    with pytest.raises(SystemExit):
        face_speed.main()
    assert "--reference is none of slow, fast, alt2" in capsys.readouterr().err
