"""Every sink of `configs/sink/default.yaml` behind the one protocol, and what each of them leaves."""

import json
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

import fer.detect  # noqa: F401 - its config's names and types
from cascade import Detections
from cascade.command import CONFIGS
from cascade.errors import OutputError
from fer.inference.drawing import annotate, colour_of
from fer.inference.faces import Face, FrameFaces
from fer.inference.frames import Frame
from fer.inference.pipeline import work_through
from fer.inference.recogniser import ExpressionRecognizer
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.inference.sinks.terminal import TerminalSink
from fer.inference.tables import Outcome
from fer.inference.tracking import Tracking
from fer.model_info import ModelInfo
from fer.preprocessing import Preprocessing

CLASSES = Preprocessing().classes
SINKS = sorted(OmegaConf.load(CONFIGS / "sink" / "default.yaml"))


class Classifier:
    """Sees the same expressions in every face."""

    info = ModelInfo(Preprocessing())

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(7, dtype=np.float32)[3], (len(faces), 1))


class Column:
    """Finds as many faces as a picture's first pixel says."""

    def detect(self, image: np.ndarray) -> Detections:
        count = int(image[0, 0])
        return Detections.ranked([[10, 10 + 40 * n, 30, 30] for n in range(count)], np.arange(count, 0, -1))


class Explainer:
    def draw(self, image, faces, crop):
        return image

    def sheets(self, image, faces, crop):
        return [np.zeros((8, 24, 3), np.uint8) for _ in faces]


class Reel:
    """Frames of which each says how many faces it has; what is no number is raised."""

    def __init__(self, *frames: object, still: bool = False, endless: bool = False) -> None:
        self.name = "reel.png" if still else "reel.avi"
        self.file_name = self.name
        self.drawn_name = self.name if still else "reel.avi.mp4"
        self.still, self.endless, self.count = still, endless, len(frames)
        self._frames = frames

    def frames(self):
        for index, faces in enumerate(self._frames):
            if isinstance(faces, BaseException):
                raise faces
            image = np.full((150, 160, 3), 90, np.uint8)
            image[0, 0] = faces
            yield Frame(image, index, None if self.still else index / 25)


@pytest.fixture
def run(tmp_path: Path) -> RunContext:
    recogniser = ExpressionRecognizer(Column(), Classifier(), tracking=Tracking(detect_every=1))
    job = {"source": "x", "shard": {"index": 0, "count": 1}}
    return RunContext(tmp_path / "results", recogniser, job, Explainer())


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A display that shows nothing, and the keys that are pressed at it; none is left: Enter."""
    pressed: list[int] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "imshow", lambda title, image: None)
    monkeypatch.setattr(cv2, "waitKey", lambda wait: pressed.pop(0) if pressed else 13)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, what: 1.0)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    return pressed


@cache
def sinks() -> DictConfig:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("detect").sink


def make(name: str, run: RunContext) -> Sink:
    if name == "terminal":
        return TerminalSink(run, 1, {})
    made = instantiate(sinks()[name])(run)
    assert isinstance(made, Sink)
    return made


def files(run: RunContext) -> list[str]:
    return sorted(path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*.*"))


@pytest.mark.parametrize("name", [*SINKS, "terminal"])
class TestEverySink:
    @pytest.mark.parametrize("kind", ["still", "video", "endless"])
    def test_takes_frames_with_and_without_faces(self, name, kind, run):
        count = threading.active_count()
        reels = [Reel(0), Reel(3, 1)] if kind != "still" else [Reel(n, still=True) for n in (0, 1, 3)]
        for reel in reels:
            reel.endless = kind == "endless"
        with make(name, run) as sink:
            work_through(reels, run, [sink])
            assert not sink.closed
        assert not [path for path in files(run) if "part" in path]
        assert threading.active_count() == count

    def test_leaves_the_frame_as_it_is(self, name, run):
        recogniser = run.recogniser
        frame = next(Reel(2, still=True).frames())
        seen = Seen(run, Reel(2, still=True), frame, recogniser.read(frame))
        image, drawn = frame.image.copy(), seen.drawn.copy()
        with make(name, run) as sink:
            sink.take(seen)
            sink.finish(Outcome("reel.png", 1, 2))
        np.testing.assert_array_equal(frame.image, image)
        np.testing.assert_array_equal(seen.drawn, drawn)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError])
    def test_closes_after_an_exception(self, name, error, run):
        with pytest.raises(error), make(name, run) as sink:
            work_through([Reel(1, 1, error("stop"))], run, [sink])
        assert not [path for path in files(run) if "part" in path]

    def test_closes_after_no_frame_at_all(self, name, run):
        with make(name, run):
            pass


def test_every_source_gets_crops_and_a_film(run):
    names = ("crops", "film", "pictures", "heat_maps")
    for reel in (Reel(2, still=True), Reel(1, 1), Reel(1, endless=True)):
        for name in names:
            with make(name, run) as sink:
                work_through([reel], run, [sink])
    assert files(run) == [
        "annotated/reel.avi.mp4",
        "annotated/reel.png",
        "crops/reel.avi_f000000_t1_happy.png",
        "crops/reel.avi_f000001_t1_happy.png",
        "crops/reel.png_0_happy.png",
        "crops/reel.png_1_happy.png",
        "heatmaps/reel.png_0_happy.png",
        "heatmaps/reel.png_1_happy.png",
    ]


def test_an_interrupted_input_has_no_outcome_unless_it_is_endless(run):
    for endless in (False, True):
        with pytest.raises(KeyboardInterrupt), make("table", run) as sink:
            work_through([Reel(1, 2, KeyboardInterrupt(), endless=endless)], run, [sink])
        inputs = json.loads((run.folder / "faces.json").read_text())["inputs"]
        assert [(done["frames"], done["faces"]) for done in inputs] == ([(2, 3)] if endless else [])


@pytest.mark.parametrize(
    ("reels", "pressed", "shown", "left"),
    [
        ([Reel(1, still=True), Reel(1, still=True)], [-1, 13, ord("q")], 2, False),
        ([Reel(1, still=True), Reel(1, still=True)], [27], 1, False),
        ([Reel(1, 1, 1), Reel(1)], [-1, ord("q")], 2, True),
        ([Reel(1, 1, 1, endless=True)], [-1, ord("q")], 2, False),
    ],
)
def test_the_window_waits_at_pictures_and_ends_the_run(run, keys, monkeypatch, reels, pressed, shown, left):
    keys[:] = pressed
    seen: list[np.ndarray] = []
    monkeypatch.setattr(cv2, "imshow", lambda title, image: seen.append(image))
    with make("window", run) as sink:
        if left:
            with pytest.raises(KeyboardInterrupt):
                work_through(reels, run, [sink])
        else:
            work_through(reels, run, [sink])
        assert sink.closed and len(seen) == shown


def test_faces_are_rows_of_arrays():
    shares = np.array([[0.75, 0.25], [0.125, 0.875]], np.float32)
    boxes = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    faces = FrameFaces(boxes, np.array([9, 8], np.float32), shares, ("calm", "tense"), 4, 0.5, np.array([7, 6]))
    assert len(faces) == 2 and faces.labels == ["calm", "tense"] and not faces.unsure.any()
    assert [face.to_dict() for face in faces][1] == {
        "box": [5, 6, 7, 8],
        "score": 8,
        "label": "tense",
        "probabilities": {"calm": 0.125, "tense": 0.875},
        "frame": 4,
        "time_s": 0.5,
        "track_id": 6,
        "unsure": False,
    }
    none = FrameFaces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 2), np.float32), ("a", "b"))
    assert len(none) == 0 and list(none) == [] and none.labels == [] and none.unsure.shape == (0,)


def test_a_label_below_the_models_value_is_unsure_unless_told_otherwise():
    shares = np.array([[0.5, 0.5], [0.375, 0.625], [0.0, 1.0]], np.float32)
    boxes, scores = np.zeros((3, 4), np.float32), np.zeros(3, np.float32)
    faces = FrameFaces(boxes, scores, shares, ("calm", "tense"), unsure_below=0.625)
    assert faces.unsure.tolist() == [True, False, False]  # exactly that probability is sure
    assert [face.shown for face in faces] == ["unsure", "tense", "tense"]
    assert [face.label for face in faces] == faces.labels == ["calm", "tense", "tense"]

    class Doubtful(Classifier):
        info = ModelInfo(Preprocessing(), unsure_below=0.5)

        def probabilities(self, faces):
            return np.tile(np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32), (len(faces), 1))

    for given, unsure in ((None, True), (0.0, False), (0.39, False), (0.41, True)):
        recogniser = ExpressionRecognizer(Column(), Doubtful(), unsure_below=given)
        frame = next(Reel(1).frames())
        assert [face.unsure for face in recogniser.recognize(frame.image)] == [unsure]
        ((_, faces),) = recogniser.follow([frame])
        assert [face.unsure for face in faces] == [unsure]


def test_in_a_video_the_smoothed_probabilities_decide():
    """One doubtful frame among sure ones is none."""

    class Flickering(Classifier):
        info = ModelInfo(Preprocessing(classes=("calm", "tense")), unsure_below=0.6)

        def probabilities(self, faces):
            return np.array([next(rows)], np.float32)

    for half_life, unsure in ((0.3, [False, False, False]), (0, [False, True, False])):
        rows = iter([[0.9, 0.1], [0.55, 0.45], [0.9, 0.1]])
        recogniser = ExpressionRecognizer(Column(), Flickering(), tracking=Tracking(1, half_life))
        assert [bool(faces.unsure[0]) for _, faces in recogniser.follow(Reel(1, 1, 1).frames())] == unsure


def test_what_is_unsure_is_said_so_wherever_it_is_shown(run, capsys):
    recogniser = ExpressionRecognizer(Column(), Classifier(), unsure_below=1.0)
    shares = np.array([np.eye(7)[3], np.full(7, 1 / 7)], np.float32)
    recogniser.classify = lambda gray, boxes: shares[: len(boxes)]
    run = RunContext(run.folder, recogniser, run.job)
    reel = Reel(2, still=True)
    with make("table", run) as table, make("terminal", run) as terminal:
        work_through([reel], run, [table, terminal])
    printed = capsys.readouterr().out
    assert "reel.png: happy 1, unsure 1\n" in printed and "│ unsure" in printed
    faces = json.loads((run.folder / "faces.json").read_text())["faces"]
    assert [(face["label"], face["unsure"]) for face in faces] == [("happy", False), ("angry", True)]

    frame = next(reel.frames())
    drawn = Seen(run, reel, frame, recogniser.read(frame)).drawn
    for face in recogniser.read(frame):
        x, y, _, height = (round(value) for value in face.box)
        np.testing.assert_allclose(drawn[y + height // 2, x], colour_of(face.shown), atol=20)  # smoothed edges
    assert colour_of("unsure") != colour_of("angry")


def test_captions_give_no_probability_of_what_is_unsure(monkeypatch):
    texts: list[str] = []
    monkeypatch.setattr(cv2, "putText", lambda canvas, text, *more: texts.append(text))
    face = Face((10, 30, 40, 50), 1.0, "happy", {"happy": 0.26, "sad": 0.2}, track_id=3)
    annotate(np.zeros((100, 100), np.uint8), [face, replace(face, unsure=True)])
    assert texts == ["3 happy 26%", "3 unsure"]


def test_a_frame_is_made_gray_and_shrunk_once(monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[int, int]] = []
    resize = cv2.resize
    monkeypatch.setattr(
        cv2, "resize", lambda image, *args, **more: calls.append(image.shape) or resize(image, *args, **more)
    )
    frame = Frame(np.zeros((300, 400, 3), np.uint8))
    assert frame.gray is frame.gray and frame.shrunk(400) is frame.gray
    assert frame.shrunk(200).shape == (150, 200) and frame.shrunk(100).shape == (75, 100)
    assert frame.shrunk(100) is frame.shrunk(100)
    assert calls == [(300, 400), (150, 200)]  # the second from the first, not from the full picture
