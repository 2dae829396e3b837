"""Faces sorted into folders by a model's guess, as `python -m fer.label` leaves them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.drawn.scenes import render_scene
from cascade.drawn.writers import write_video
from fer.data.image_folder import ImageFolder
from fer.inference import ExpressionRecognizer, to_dataframe
from fer.label import main
from fer.labels import EXPRESSIONS
from tests.in_process import run_here

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for name, index in (("a.png", 0), ("deep/a.png", 1), ("deep_a.png", 2)):  # two of them become one name
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), render_scene(7, index).image)
    return folder


def test_faces_are_sorted_by_guess_the_least_sure_first(scenes: Path, tmp_path: Path):
    output = run_here(main, str(scenes), f"out={tmp_path / 'faces'}", folder=tmp_path)
    found = dict(ExpressionRecognizer().recognize_many(sorted(scenes.rglob("*.png"))))
    faces = [face for of in found.values() for face in of if face.box[2] >= 40]
    written = sorted((tmp_path / "faces").rglob("*.png"))
    assert len(written) == len(faces) > 4
    assert sorted((path.parent.name, path.name[:5]) for path in written) == sorted(
        (face.label, f"{face.probabilities[face.label]:.3f}") for face in faces
    )
    assert "experiment=own_classes" in output
    source = ImageFolder(tmp_path / "faces", {})
    assert set(source.classes) == {face.label for face in faces} <= set(EXPRESSIONS)
    before = written[0].read_bytes()
    output = run_here(main, str(scenes), f"out={tmp_path / 'faces'}", folder=tmp_path, status=2)
    assert "may have been corrected by hand" in output and written[0].read_bytes() == before


def test_a_video_gives_each_face_once_in_a_while(tmp_path: Path):
    write_video(tmp_path / "clip.mp4", frames=50, seed=3, width=480, height=360, n_faces=2, fps=25)
    counts = []
    for every_s in (0.5, 10):
        run_here(main, "clip.mp4", f"out=every_{every_s}", f"every_s={every_s}", "smallest=1", folder=tmp_path)
        counts.append(len(list((tmp_path / f"every_{every_s}").rglob("*.png"))))
    assert 0 < counts[1] < counts[0] <= 5 * counts[1]


def test_a_live_source_is_refused(tmp_path: Path):
    assert "labelled from files" in run_here(main, "0", folder=tmp_path, status=2)


def test_faces_become_a_table(scenes: Path):
    recogniser = ExpressionRecognizer()
    table = to_dataframe(recogniser.recognize_many([scenes / "a.png", scenes / "deep/a.png"]))
    faces = recogniser.recognize(scenes / "a.png")
    assert list(table.columns[-7:]) == list(EXPRESSIONS) and table["source"].nunique() == 2
    first = table[table["source"] == str(scenes / "a.png")]
    assert first["label"].tolist() == [face.label for face in faces]
    np.testing.assert_allclose(first[list(EXPRESSIONS)].sum(axis=1), 1, atol=1e-5)
    assert to_dataframe([]).empty
