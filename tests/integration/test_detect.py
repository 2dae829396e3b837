"""detect.py as a user runs it, with the released weights."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from cascade import CascadeDetector
from cascade.boxes import iou
from cascade.command import quoted
from cascade.drawn.scenes import moving_scene, render_scene
from cascade.drawn.writers import write_video
from cascade.files import sole_use
from fer.detect import main
from fer.inference import ExpressionRecognizer
from fer.inference.classifier import load_classifier
from fer.inference.drawing import colour_of
from fer.inference.join import main as join
from fer.labels import EXPRESSIONS
from tests.conftest import ROOT
from tests.convolutional_model import write_bright
from tests.in_process import run_here

pytestmark = pytest.mark.slow


def detect(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run the command in this process; results go to folder/run/1."""
    folder.mkdir(exist_ok=True)
    return run_here(main, *arguments, f"hydra.run.dir={folder}/run/1", folder=folder, status=status)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "run" / "1" / "faces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def inputs(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "run" / "1" / "inputs.csv").open(newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "astronaut (1), a=b.png"
    cv2.imwrite(str(path), astronaut()[..., ::-1])
    return path


def boxes_of(found: list[dict[str, str]]) -> np.ndarray:
    return np.array([[float(row[k]) for k in ("x", "y", "width", "height")] for row in found], np.float32)


def test_the_command_on_a_photograph(photo: Path):
    output = detect(photo.parent, str(photo), "save.crops=true")
    (face,) = rows(photo.parent)
    # Eileen Collins smiles at (224, 113)
    x, y, width, height = boxes_of([face])[0]
    assert abs(x + width / 2 - 224) < 20 and abs(y + height / 2 - 113) < 25 and 60 < width < 140
    assert face["label"] == "happy" and face["source"] == photo.name
    shares = [float(face[name]) for name in EXPRESSIONS]
    assert sum(shares) == pytest.approx(1, abs=1e-4) and EXPRESSIONS[int(np.argmax(shares))] == face["label"]
    assert "happy" in output and "1 face in" in output

    folder = photo.parent / "run" / "1"
    data = json.loads((folder / "faces.json").read_text())
    assert data["faces"][0]["box"] == boxes_of([face])[0].tolist() or np.allclose(
        data["faces"][0]["box"], boxes_of([face])[0]
    )
    assert [path.name for path in (folder / "crops").iterdir()] == [f"{photo.name}_0_happy.png"]

    # the frame is drawn where the CSV says, in the expression's colour, and the rest is untouched
    picture, plain = cv2.imread(str(folder / "annotated" / photo.name)), cv2.imread(str(photo))
    bottom, middle = round(y + height), round(x + width / 2)
    assert np.abs(picture[bottom, middle].astype(int) - colour_of("happy")).max() < 20  # smoothed edges
    assert np.abs(picture[round(y + height / 2), round(x + width)].astype(int) - colour_of("happy")).max() < 20
    np.testing.assert_array_equal(picture[300:], plain[300:])
    inside = np.s_[round(y + 30) : round(y + height - 10), round(x + 10) : round(x + width - 10)]
    np.testing.assert_array_equal(picture[inside], plain[inside])


@pytest.mark.parametrize(("setting", "below"), [("null", load_classifier().info.unsure_below), ("1", 1)])
def test_an_improbable_label_is_shown_as_unsure(photo: Path, setting: str, below: float):
    output = detect(photo.parent, str(photo), f"unsure_below={setting}", "save.pictures=false")
    (face,) = rows(photo.parent)
    assert face["label"] == "happy" and face["unsure"] == str(below == 1).lower()
    assert ("unsure 1" if below == 1 else "happy 1") in output
    assert json.loads((photo.parent / "run/1/job.json").read_text())["unsure_below"] == below


def test_faces_of_drawn_scenes_are_found(tmp_path: Path):
    truth = {}
    (tmp_path / "in/sub").mkdir(parents=True)
    for index in range(4):
        scene = render_scene(5, index, n_faces=2, min_size=80)
        name = f"sub/{index}.png" if index % 2 else f"{index}.png"
        cv2.imwrite(str(tmp_path / "in" / name), scene.image)
        truth[name] = np.array([face.box for face in scene.faces], np.float32)
    detect(tmp_path, f"source={tmp_path}/in")
    assert set(inputs(tmp_path)) == set(truth)
    hit = total = 0
    for name, boxes in truth.items():
        found = [row for row in rows(tmp_path) if row["source"] == name]
        total += len(boxes)
        if found:
            hit += int((iou(boxes, boxes_of(found)).max(axis=1) > 0.4).sum())
        assert (tmp_path / "run/1/annotated" / name).is_file()
    assert hit >= 0.7 * total


def film(path: Path, frames: int = 30, seed: int = 3) -> list[np.ndarray]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 480))
    truth = []
    for scene in moving_scene(seed, frames):
        writer.write(scene.image)
        truth.append(np.array([face.box for face in scene.faces], np.float32))
    writer.release()
    return truth


def test_a_video_of_known_faces(tmp_path: Path):
    truth = film(tmp_path / "film.avi")
    detect(tmp_path, f"source={tmp_path}/film.avi")
    found = rows(tmp_path)
    assert {row["track_id"] for row in found} == {"1", "2"}
    people: dict[str, set[int]] = {}
    for index, boxes in enumerate(truth):
        here = [row for row in found if row["frame"] == str(index)]
        assert len(here) == 2
        assert all(abs(float(row["time_s"]) - index / 25) < 0.002 for row in here)
        overlap = iou(boxes_of(here), boxes)
        assert overlap.max(axis=1).min() > 0.35
        for row, person in zip(here, overlap.argmax(axis=1), strict=True):
            people.setdefault(row["track_id"], set()).add(int(person))
    assert all(len(who) == 1 for who in people.values())
    capture = cv2.VideoCapture(str(tmp_path / "run/1/annotated/film.avi.mp4"))
    count = 0
    while capture.read()[0]:
        assert capture.get(cv2.CAP_PROP_POS_MSEC) == pytest.approx(40 * count, abs=1.1)
        count += 1
    assert count == 30


def test_smoothing_steadies_the_probabilities_of_a_video(tmp_path: Path):
    film(tmp_path / "film.avi")
    changes = {}
    for half_life in (0, 0.5):
        folder = tmp_path / str(half_life)
        settings = (f"tracking.half_life_s={half_life}", "tracking.detect_every=1", "save.video=false")
        detect(folder, f"source={tmp_path}/film.avi", *settings)
        found = [row for row in rows(folder) if row["track_id"] == "1"]
        shares = np.array([[float(row[name]) for name in EXPRESSIONS] for row in found])
        changes[half_life] = np.abs(np.diff(shares, axis=0)).mean()
    assert changes[0.5] < 0.5 * changes[0]


def test_what_the_network_looked_at_is_laid_over_faces_in_pictures_and_videos(tmp_path: Path, photo: Path):
    pytest.importorskip("captum")
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(photo, folder / "photo.png")
    film(folder / "film.avi", 3)
    pictures = {}
    for explain in ("false", "true"):
        detect(tmp_path / explain, f"source={folder}", f"explain={explain}")
        results = tmp_path / explain / "run" / "1"
        frames = cv2.VideoCapture(str(results / "annotated" / "film.avi.mp4"))
        pictures[explain] = [cv2.imread(str(results / "annotated" / "photo.png")), frames.read()[1]]
    (row,) = (row for row in rows(tmp_path / "true") if row["source"] == "photo.png")
    x, y, width, height = (int(float(row[key])) for key in ("x", "y", "width", "height"))
    plain, heat = (pictures[key][0].astype(int) for key in ("false", "true"))
    changed = np.abs(plain - heat).max(axis=2) > 8
    inside = changed[y : y + height, x : x + width]
    assert inside.mean() > 0.1 and changed.sum() < 1.6 * width * height
    assert np.abs(pictures["false"][1].astype(int) - pictures["true"][1]).max() > 40
    (sheet,) = (tmp_path / "true" / "run" / "1" / "heatmaps").rglob("photo*")
    assert cv2.imread(str(sheet)).shape == (192, 576, 3)


def test_python_gives_the_same(photo: Path):
    detect(photo.parent, f"source={photo}", "detector=alt2")
    recognizer = ExpressionRecognizer(CascadeDetector("alt2"))
    (row,) = rows(photo.parent)
    for picture in (photo, str(photo), cv2.imread(str(photo))):
        (face,) = recognizer.recognize(picture)
        np.testing.assert_allclose(face.box, boxes_of([row])[0], atol=0.06)
        assert face.label == row["label"]
        assert face.probabilities["happy"] == pytest.approx(float(row["happy"]), abs=1e-6)


def test_broken_files_among_good_ones_are_named_and_counted(tmp_path: Path, photo: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    data = photo.read_bytes()
    for name in ("a.png", "c.png", "e.png"):
        (folder / name).write_bytes(data)
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    (folder / "d.jpg").write_text("no picture")
    (folder / "f.mp4").write_bytes(b"no video")
    output = detect(tmp_path, f"source={folder}", "save.pictures=false", status=1)
    assert [row["source"] for row in rows(tmp_path)] == ["a.png", "c.png", "e.png"]
    errors = {name: row["error"] for name, row in inputs(tmp_path).items() if row["error"]}
    assert set(errors) == {"b.png", "d.jpg", "f.mp4"}
    said, _, summary = output.partition("3 of 6 inputs could not be read")
    assert all(name in said and name in summary for name in errors)


def test_pictures_of_all_kinds_are_worked_through(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    colour = astronaut()[..., ::-1]
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    cv2.imwrite(str(folder / "gray.png"), gray)
    cv2.imwrite(str(folder / "deep.png"), colour.astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "alpha.png"), np.dstack([colour, np.full(gray.shape, 9, np.uint8)]))
    cv2.imwrite(str(folder / "pixel.png"), np.zeros((1, 1, 3), np.uint8))
    cv2.imwrite(str(folder / "thin.png"), np.zeros((3, 900, 3), np.uint8))
    detect(tmp_path, f"source={folder}")
    found = [row["source"] for row in rows(tmp_path)]
    assert found == ["alpha.png", "deep.png", "gray.png"]


def test_a_convolutional_cascade_finds_the_faces(tmp_path: Path):
    """By the config's name with the folder of a training, whose JSON says how its boxes become canonical."""
    write_bright(tmp_path / "mine" / "detector.onnx")
    (tmp_path / "mine" / "detector.json").write_text('{"box_adjustment": {"height": 0.5}}')
    picture = np.full((100, 120), 40, np.uint8)
    picture[20:80, 30:90] = 204
    cv2.imwrite(str(tmp_path / "bright.png"), picture)
    chosen = ("source=bright.png", "detector=convolutional", "threads=1")
    detect(tmp_path, *chosen, "detector.model=mine")
    (face,) = rows(tmp_path)
    np.testing.assert_allclose(boxes_of([face]), [[30, 35, 60, 30]])
    assert float(face["score"]) == pytest.approx(0.8, abs=1e-3)
    detect(tmp_path / "lax", *chosen, "source=../bright.png", "detector.model=../mine", "detector.threshold=0.3")
    assert len(rows(tmp_path / "lax")) == 2
    assert "'gone'" in detect(tmp_path, *chosen, "detector.model=gone", status=2)
    assert "detector.threshold is 2; it must be a number from 0 to 1" in detect(
        tmp_path, *chosen, "detector.model=mine", "detector.threshold=2", status=2
    )


def test_yunet_without_its_model_says_how_to_fetch_it(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "dark.png"), np.zeros((50, 50), np.uint8))
    assert re.search(
        r"no model file yunet\.onnx; .* curl -fL .* -o yunet\.onnx https://\S+\.onnx \(its sha256 is",
        " ".join(detect(tmp_path, "source=dark.png", "detector=yunet", status=2).split()),
    )


def test_a_huge_picture_is_searched_shrunk_and_read_in_full(tmp_path: Path):
    """10,000×10,000 pixels: found in a shrunk copy, cut from the full picture."""
    canvas = np.zeros((10_000, 10_000), np.uint8)
    face = cv2.cvtColor(astronaut()[..., ::-1], cv2.COLOR_BGR2GRAY)
    canvas[2000:6096, 3000:7096] = cv2.resize(face, (4096, 4096), interpolation=cv2.INTER_LINEAR)
    cv2.imwrite(str(tmp_path / "huge.jpg"), canvas)
    detect(tmp_path, f"source={tmp_path}/huge.jpg", "save.pictures=false")
    box = boxes_of(rows(tmp_path))
    assert iou(box, np.array([[3000 + 8 * 176, 2000 + 8 * 65, 8 * 97, 8 * 97]], np.float32)).max() > 0.6


def test_an_interrupted_run_keeps_its_rows_and_resumes(commands, tmp_path: Path, photo: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(60):
        os.link(photo, folder / f"{index:02}.png")
    film(folder / "z.avi", 10)
    command = [str(ROOT / "detect.py"), f"source={folder}", "save.pictures=false", f"hydra.run.dir={tmp_path}/run/1"]
    process = commands.start(*command)
    table = tmp_path / "run/1/inputs.csv"
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not (table.exists() and len(table.read_text().splitlines()) > 5):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 130, output
    assert "resume=true" in output
    before = rows(tmp_path)
    assert 5 <= len(inputs(tmp_path)) < 61
    assert json.loads((tmp_path / "run/1/faces.json").read_text())["faces"]

    detect(tmp_path, f"source={folder}", "save.pictures=false", "resume=true")
    after = rows(tmp_path)
    assert after[: len(before)] == before[: len(after)]
    pictures = [row["source"] for row in after if row["source"] != "z.avi"]
    assert pictures == [f"{index:02}.png" for index in range(60)]
    assert sum(row["source"] == "z.avi" for row in after) == 20


def test_resuming_what_was_never_begun_is_refused(tmp_path: Path, photo: Path):
    assert "nothing to resume" in detect(tmp_path, f"source={photo}", "resume=true", status=2)


def test_a_camera_leaves_crops_and_tables_like_a_video(tmp_path: Path, monkeypatch):
    film(tmp_path / "film.avi", 20)
    monkeypatch.setattr("fer.inference.live._open", lambda a: Camera(tmp_path / "film.avi", True))
    output = detect(tmp_path, "0", "show=false", "seconds=0", "save.crops=true")
    found = rows(tmp_path)
    crops = sorted(path.name for path in (tmp_path / "run/1/crops").iterdir())
    assert crops == sorted(f"live_f{int(r['frame']):06d}_t{r['track_id']}_{r['label']}.png" for r in found)
    assert crops and "crops" in output and not (tmp_path / "run/1/annotated").exists()


def test_a_folder_leaves_a_page_and_a_film_a_timeline(tmp_path: Path, photo: Path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(photo, folder / "one.png")
    shutil.copy(photo, folder / "two.png")
    (folder / "broken.png").write_bytes(b"no picture")
    write_video(folder / "clip.mp4", frames=30, seed=3, width=480, height=360, n_faces=2, fps=25)
    output = detect(tmp_path, f"source={folder}", status=1)
    page = (tmp_path / "run/1/report.html").read_text()
    assert "2 faces in 3 pictures, 1 of which could not be read" in page and "broken.png" in page
    assert page.count("data:image/jpeg") == 2 and "clip.mp4" not in page
    assert "report.html, timelines" in output
    timeline = (tmp_path / "run/1/timelines/clip.mp4.html").read_text()
    assert "data:image/png" in timeline and "mostly" in timeline
    assert cv2.imread(str(tmp_path / "run/1/timelines/clip.mp4.png")).shape[1] > 800

    detect(tmp_path / "blurred", f"source={folder}", "save.blur=true", status=1)
    assert "data:image" not in (tmp_path / "blurred/run/1/report.html").read_text()
    detect(tmp_path / "without", f"source={folder}", "save.report=false", status=1)
    assert not (tmp_path / "without/run/1/report.html").exists()
    detect(tmp_path / "single", f"source={photo}")
    assert not (tmp_path / "single/run/1/report.html").exists()


def test_faces_in_annotated_pictures_are_blurred_where_that_is_asked_for(tmp_path: Path, photo: Path):
    detect(tmp_path, f"source={photo}", "save.blur=true")
    drawn = cv2.imread(str(tmp_path / "run/1/annotated" / photo.name))
    assert not ExpressionRecognizer().recognize(drawn)
    (x, y, width, height) = map(round, boxes_of(rows(tmp_path))[0])
    changed = np.abs(drawn.astype(int) - astronaut()[..., ::-1]).max(axis=2) > 20
    assert changed[y : y + height, x : x + width].mean() > 0.3
    for other in ("save.crops=true", "explain=true"):
        assert "save.blur hides" in detect(tmp_path, f"source={photo}", "save.blur=true", other, status=2)


def test_a_sink_of_ones_own_is_added_to_the_others(tmp_path: Path, photo: Path):
    own = ("+sink.mine._target_=fer.inference.sinks.pictures.CropSink", "+sink.mine._partial_=true")
    assert "annotated, crops" in detect(tmp_path, str(photo), *own)


def test_shards_of_a_multirun_are_joined_to_the_whole(tmp_path: Path, photo: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(5):
        os.link(photo, folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"")
    shards = ("shard.count=2", "shard.index=0,1", "save.pictures=false", f"hydra.sweep.dir={tmp_path}/sweep")
    output = run_here(main, "-m", f"source={folder}", *shards, folder=tmp_path)
    joined = run_here(join, f"{tmp_path}/sweep", f"output={tmp_path}/run/1", folder=tmp_path, status=1)
    assert "joined 2 shards" in joined and "6 inputs, 1 of them" in joined, output
    assert sorted(row["source"] for row in rows(tmp_path)) == [f"{index}.png" for index in range(5)]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("source=nowhere.jpg",), r"no file or folder .*nowhere\.jpg"),
        (("source=PHOTO", "detector.model=nonsense"), "no cascade is called 'nonsense'"),
        (("source=PHOTO", "detector=alt2", "detector.cascade=nonsense"), "no cascade is called 'nonsense'"),
        (("source=PHOTO", "detector.size=3"), r"no setting detector\.size"),
        (("source=PHOTO", "trackin.detect_every=3"), "no setting trackin; did you mean tracking"),
        (("source=PHOTO", "save.pictures=perhaps"), "save.pictures=perhaps.* not a valid bool"),
        (("source=PHOTO", "detect_side=0"), "detect_side is 0; it must be a whole number of 1 or more"),
        (("source=PHOTO", "unsure_below=26"), "unsure_below is 26.0; it must be a number from 0 to 1"),
        (("source=PHOTO", "show=perhaps"), "show is 'perhaps'"),
        (("source=0", "resume=true"), "a live source cannot be resumed"),
        ((), r"source=photo\.jpg"),
        (("source=PHOTO", "classifier=nothing.onnx"), r"no classifier at .*nothing\.onnx"),
        (("source=PHOTO", "tracking.detect_every=0"), "detect_every"),
        (("source=PHOTO", "shard.index=2", "shard.count=2"), "shard.index"),
        (("source=0", "show=true"), "camera 0|display"),
        (("source=FILM", "save.video=out.webm"), r"\.mp4"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(tmp_path, photo, monkeypatch, overrides, message):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if "source=FILM" in overrides:
        film(tmp_path / "film.avi", 2)
    named = [o.replace("PHOTO", str(photo)).replace("FILM", str(tmp_path / "film.avi")) for o in overrides]
    output = detect(tmp_path, *named, status=2)
    assert re.fullmatch(f"error: .*({message}).*", output.strip())


class Camera:
    """Shows a film at 50 frames/s, over and over or once."""

    def __init__(self, film: Path, forever: bool) -> None:
        self.film, self.forever = film, forever
        self.capture = cv2.VideoCapture(str(film))

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self.capture.isOpened()

    def read(self):
        time.sleep(0.02)
        good, image = self.capture.read()
        if not good and self.forever:
            self.capture = cv2.VideoCapture(str(self.film))
            return self.capture.read()
        return good, image

    def release(self) -> None:
        self.capture.release()


def test_a_camera_is_written_to_a_video_without_a_display(tmp_path: Path, monkeypatch):
    film(tmp_path / "film.avi", 20)
    monkeypatch.setattr("fer.inference.live._open", lambda a: Camera(tmp_path / "film.avi", False))
    target = tmp_path / "live.mp4"
    # the film ends: a camera that sends no more
    detect(tmp_path, "source=0", "show=false", f"save.video={target}", status=2)
    found = rows(tmp_path)
    assert {row["source"] for row in found} == {"0"} and len(found) >= 2
    times = [float(row["time_s"]) for row in found]
    assert times == sorted(times)
    assert "camera 0 sends no more frames" in inputs(tmp_path)["0"]["error"]
    capture = cv2.VideoCapture(str(target))
    assert capture.read()[0]
    # another run in the same folder would be another camera's; a window needs a display
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if sys.platform.startswith("linux"):
        assert re.search(r"no display.*save\.video=", detect(tmp_path / "again", "source=0", status=2))


def test_the_window_shows_faces_and_the_frame_rate_until_it_is_closed(tmp_path: Path, monkeypatch):
    film(tmp_path / "film.avi", 40)
    monkeypatch.setattr("fer.inference.live._open", lambda a: Camera(tmp_path / "film.avi", True))
    monkeypatch.setenv("DISPLAY", ":0")
    shown: list[np.ndarray] = []
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image.copy()))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(shown) == 2 else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    detect(tmp_path, "source=0", "unsure_below=0")
    assert len(shown) == 2
    assert shown[1][:26, :60].min(axis=2).max() > 225  # the rate, in white
    first = [row for row in rows(tmp_path) if row["frame"] == rows(tmp_path)[0]["frame"]]
    x, y, width, height = (round(v) for v in boxes_of(first)[0])
    assert np.abs(shown[0][y + height, x + width // 2].astype(int) - colour_of(first[0]["label"])).max() < 3


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        ("source=photo.jpg", "source=photo.jpg"),
        ("source=a (1).jpg", "source='a (1).jpg'"),
        ("source=it's.jpg", r"source='it\'s.jpg'"),
        ("source='quoted already.jpg'", "source='quoted already.jpg'"),
        ("classifier=a=b,c.onnx", "classifier='a=b,c.onnx'"),
        ("shard.index=0,1", "shard.index='0,1'"),
        ("-m", "-m"),
    ],
)
def test_paths_need_no_quoting_for_hydra(argument: str, wanted: str):
    assert quoted(argument) == wanted


def test_a_sweep_keeps_its_commas():
    assert quoted("shard.index=0,1", sweeps=True) == "shard.index=0,1"


def test_a_released_model_runs_without_torch(tmp_path: Path, photo: Path):
    """Neither does rich load where it has nothing to draw: no terminal, and more than the one picture of a table."""
    shutil.copy(photo, tmp_path / "again.png")
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['detect.py', {str(tmp_path)!r}, 'hydra.run.dir={tmp_path}/run/1']\n"
        f"runpy.run_path({str(ROOT / 'detect.py')!r}, run_name='__main__')\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'rich'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {row["source"] for row in rows(tmp_path)} == {photo.name, "again.png"}


def test_a_run_does_not_go_on_unasked_in_the_folder_of_another(tmp_path: Path, photo: Path):
    detect(tmp_path, f"source={photo}")
    before = (tmp_path / "run/1/faces.csv").read_bytes()
    assert "holds the results of an earlier run; resume=" in detect(tmp_path, f"source={photo}", status=2)
    assert (tmp_path / "run/1/faces.csv").read_bytes() == before


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path, photo: Path):
    with sole_use(tmp_path / "run/1"):
        assert "another run is writing to" in detect(tmp_path, f"source={photo}", status=2)
    assert not (tmp_path / "run/1/faces.csv").exists()


def test_nothing_that_is_looked_at_is_written_over(tmp_path: Path, photo: Path):
    inside = tmp_path / "run/1/annotated" / photo.name
    inside.parent.mkdir(parents=True)
    shutil.copy(photo, inside)
    said = detect(tmp_path, f"source={inside}", status=2)
    assert "lies where this run writes its own pictures" in said and inside.read_bytes() == photo.read_bytes()


def test_one_file_is_not_the_annotated_video_of_several(tmp_path: Path):
    for name in ("a.avi", "b.avi"):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 120))
        for _ in range(3):
            writer.write(np.full((120, 160, 3), 90, np.uint8))
        writer.release()
    before = (tmp_path / "a.avi").read_bytes()
    several = detect(tmp_path, f"source={tmp_path}/*.avi", "save.video=out.mp4", status=2)
    assert "save.video=out.mp4 is one file for 2 videos" in several
    (tmp_path / "a.avi").rename(tmp_path / "a.mp4")
    itself = detect(tmp_path, f"source={tmp_path}/a.mp4", f"save.video={tmp_path}/a.mp4", status=2)
    assert "is looked at itself" in itself and (tmp_path / "a.mp4").read_bytes() == before
