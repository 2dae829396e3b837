"""A detector and an expression network in one graph, and the command that joins them."""

import contextlib
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from cascade import BoxAdjustment, ConvolutionalDetector
from cascade.detectors import names as names_module
from cascade.detectors.convolutional import METADATA_KEY as DETECTOR_KEY
from cascade.drawn.scenes import render_scene
from cascade.errors import ModelError
from cascade.pictures import to_gray
from fer import one_graph
from fer.crop import FER2013_CROP
from fer.export import main
from fer.inference import ExpressionRecognizer
from fer.inference.classifier import OnnxClassifier, load_classifier, released_models
from fer.labels import COLOURS, EXPRESSIONS
from fer.model_info import METADATA_KEY, ModelInfo
from fer.one_graph import join
from tests.conftest import ROOT
from tests.convolutional_model import DESCRIPTION, write_bright
from tests.in_process import run_here

CORNERS = np.random.default_rng(0).uniform(-60, 600, (40, 2))
SIDES = np.geomspace(4, 2000, 40)
BOXES = np.column_stack([CORNERS, SIDES, SIDES * np.linspace(0.8, 1.2, 40)])
OUTSIDE = [[-500, -500, 60, 60], [3000, 40, 60, 60]]
ABOUT = DESCRIPTION | {"min_size": 2.0, "threshold": 0.1, "max_windows": 64}


def write_detector(path: Path, boxes: Any) -> Path:
    """Write a detector that finds these boxes in every picture that is bright somewhere."""
    return write_bright(path, ABOUT, boxes)


def session(graph: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, threads
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def joined(detector: Path, classifier: OnnxClassifier, threads: int = 1, **choices: bool) -> Any:
    """What runs the joined graph: takes its inputs by name, gives boxes, scores and probabilities."""
    graph = one_graph.one_graph(ConvolutionalDetector(detector), classifier, **choices).SerializeToString()
    return partial(session(graph, threads).run, None)


@pytest.fixture(params=sorted(released_models()))
def classifier(request: pytest.FixtureRequest) -> OnnxClassifier:
    model = load_classifier(request.param, threads=1)
    assert isinstance(model, OnnxClassifier)
    return model


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("boxes", [BOXES, BOXES[20:21], OUTSIDE, []], ids=["forty", "one", "outside", "none"])
def test_it_says_what_the_recogniser_says(tmp_path: Path, classifier: OnnxClassifier, boxes, threads: int):
    picture = to_gray(render_scene(0, 0).image)
    detector = write_detector(tmp_path / "detector.onnx", boxes)
    found, scores, probabilities = joined(detector, classifier, threads)({"picture": picture})
    faces = ExpressionRecognizer(ConvolutionalDetector(detector), classifier, detect_side=None).recognize(picture)
    assert found.shape == (len(boxes), 4) and scores.shape == (len(boxes),) and probabilities.shape == (len(boxes), 7)
    np.testing.assert_allclose(found, np.reshape([face.box for face in faces], (-1, 4)), atol=1e-4)
    np.testing.assert_allclose(scores, [face.score for face in faces], atol=1e-6)
    wanted = np.reshape([list(face.probabilities.values()) for face in faces], (-1, 7))
    # a byte of a face may be rounded otherwise, from which networks of 8 bits make more
    np.testing.assert_allclose(probabilities, wanted, atol=1e-2 if classifier.path.stem == "small_resnet" else 1e-3)
    assert not len(boxes) or np.median(np.abs(probabilities - wanted)) < 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (3000, 4000)])
def test_pictures_of_all_sizes(tmp_path: Path, shape: tuple[int, int]):
    classifier = load_classifier("mini_xception", threads=1)
    detector = write_detector(tmp_path / "detector.onnx", [[0, 0, 30, 30], [2000, 2000, 900, 1300], [-9, 5, 4, 4]])
    picture = np.random.default_rng(0).integers(100, 256, shape, dtype=np.uint8)
    picture[0, 0] = 255
    *_, probabilities = joined(detector, classifier)({"picture": picture})
    recogniser = ExpressionRecognizer(ConvolutionalDetector(detector), classifier, detect_side=None)
    wanted = [list(face.probabilities.values()) for face in recogniser.recognize(picture)]
    np.testing.assert_allclose(probabilities, wanted, atol=1e-4)


def test_a_black_picture_has_no_face_and_the_options_are_the_detectors(tmp_path: Path):
    detector = write_detector(tmp_path / "detector.onnx", BOXES)
    run = joined(detector, load_classifier())
    assert [len(each) for each in run({"picture": np.zeros((40, 50), np.uint8)})] == [0, 0, 0]
    white = np.full((40, 50), 255, np.uint8)
    for options, count in (
        ({}, 40),
        ({"max_windows": np.array(3)}, 3),
        ({"min_size": np.array(100, np.float32)}, int((SIDES >= 100).sum())),
        ({"threshold": np.array(0.75, np.float32)}, 20),
    ):
        assert [len(each) for each in run({"picture": white, **options})] == [count] * 3


def test_settings_that_must_be_given(tmp_path: Path):
    detector, path = write_detector(tmp_path / "detector.onnx", BOXES[10:30]), tmp_path / "joined.onnx"
    join(detector, load_classifier(), path, optional=False)
    run = session(path)
    names = ["picture", "min_size", "threshold", "max_windows"]
    assert [one.name for one in run.get_inputs()] == names and not run.get_overridable_initializers()
    settings = [np.array(30, np.float32), np.array(0, np.float32), np.array(5)]
    given = dict(zip(names, [to_gray(render_scene(0, 0).image), *settings], strict=True))
    for one, other in zip(run.run(None, given), joined(detector, load_classifier())(given), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_become_the_gray_that_opencv_makes_of_them(tmp_path: Path, channels: int):
    detector = write_detector(tmp_path / "detector.onnx", BOXES[10:30])
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, channels), dtype=np.uint8)
    picture[0, :256] = np.arange(256)[:, None]  # gray stays what it is
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY if channels == 3 else cv2.COLOR_RGBA2GRAY)
    wanted = joined(detector, load_classifier())({"picture": gray})
    made = joined(detector, load_classifier(), colour=True)({"picture": picture})
    for one, other in zip(made, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_boxes_become_canonical_as_the_file_beside_the_detector_declares(tmp_path: Path):
    detector = write_detector(tmp_path / "detector.onnx", BOXES[10:30])
    adjustment = BoxAdjustment(0.05, -0.1, 1.2, 0.9)
    (tmp_path / "detector.json").write_text(json.dumps({"box_adjustment": vars(adjustment)}))
    classifier, picture = load_classifier(), to_gray(render_scene(0, 1).image)
    boxes, _, probabilities = joined(detector, classifier)({"picture": picture})
    alone = ConvolutionalDetector(detector, box_adjustment=adjustment)
    faces = ExpressionRecognizer(alone, classifier).recognize(picture)
    np.testing.assert_array_equal(boxes, [face.box for face in faces])
    np.testing.assert_allclose(probabilities, [list(face.probabilities.values()) for face in faces], atol=1e-4)


def test_an_older_opset_is_converted_and_the_file_says_what_it_is(tmp_path: Path):
    classifier, detector = load_classifier(), write_detector(tmp_path / "detector.onnx", BOXES[:9])
    older = onnx.load(detector)
    older.opset_import[0].version = 17
    onnx.save(older, detector)
    join(detector, classifier, tmp_path / "joined.onnx")
    model = onnx.load(tmp_path / "joined.onnx")
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 18)]
    about = {one.key: one.value for one in model.metadata_props}
    assert json.loads(about[DETECTOR_KEY]) == ABOUT
    assert ModelInfo.read(about[METADATA_KEY], tmp_path) == classifier.info
    assert "(9798 R + 19235 G + 3735 B + 16384) >> 15" in about["picture"]


@pytest.mark.parametrize(("domain", "opset"), [("com.microsoft", 1), ("", 19)])
def test_operators_that_others_need_not_know_are_refused(tmp_path: Path, domain: str, opset: int):
    path = write_detector(tmp_path / "detector.onnx", BOXES)
    model = onnx.load(path)
    (model.opset_import.add() if domain else model.opset_import[0]).MergeFrom(onnx.helper.make_opsetid(domain, opset))
    onnx.save(model, path)
    with pytest.raises(ModelError, match=rf"detector\.onnx cannot be joined: .*{domain}.*{opset}.* up to version 18"):
        join(path, load_classifier(), tmp_path / "joined.onnx")
    assert not (tmp_path / "joined.onnx").exists()


def test_what_is_no_cascade_is_refused_as_by_the_detector(tmp_path: Path):
    with pytest.raises(ModelError, match="does not say of itself that it is a convolutional cascade"):
        join(load_classifier().path, load_classifier(), tmp_path / "joined.onnx")
    assert not list(tmp_path.iterdir())


def test_a_graph_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    detector = write_detector(tmp_path / "detector.onnx", BOXES[:9])
    with monkeypatch.context() as patch:
        patch.setattr(one_graph, "crop_faces", lambda gray, boxes, crop, how: np.zeros((len(boxes), 48, 48), np.uint8))
        with pytest.raises(ModelError, match="probabilities differ by up to"):
            join(detector, load_classifier(), tmp_path / "joined.onnx")
    shifted = ConvolutionalDetector(detector, box_adjustment=BoxAdjustment(dx=0.1))
    monkeypatch.setattr(one_graph, "one_graph", lambda _, *args, made=one_graph.one_graph: made(shifted, *args))
    with pytest.raises(ModelError, match="finds other faces"):
        join(detector, load_classifier(), tmp_path / "joined.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["detector.onnx"]


def test_the_command_and_the_lines_of_the_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scene = render_scene(0, 0)
    cv2.imwrite(str(tmp_path / "photo.png"), scene.image)
    write_detector(tmp_path / "detector.onnx", [face.box for face in scene.faces])
    printed = run_here(main, "pipeline.detector=detector.onnx", "crop.scale=1.2", folder=tmp_path)
    assert "pipeline.onnx" in printed and "equal those of the two models" in printed and "gray" in printed

    described = json.loads((tmp_path / "pipeline.json").read_text())
    assert described["classes"] == list(EXPRESSIONS) and described["colours"]["happy"] == list(COLOURS["happy"])
    assert {name: described[name] for name in ("min_size", "threshold", "max_windows")} == {
        name: ABOUT[name] for name in ("min_size", "threshold", "max_windows")
    }

    (lines,) = re.findall(r"```python\n([^`]*pipeline\.onnx[^`]*)```", (ROOT / "docs" / "detect.md").read_text())
    with contextlib.chdir(tmp_path):
        exec(lines.replace("photo.jpg", "photo.png"), {})
    crop = replace(FER2013_CROP, scale=1.2)
    faces = ExpressionRecognizer(ConvolutionalDetector(tmp_path / "detector.onnx"), crop=crop).recognize(scene.image)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [face.label for face in faces]


@pytest.mark.parametrize("name", ["convolutional", "training"])
def test_a_detector_is_found_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(names_module, "MODELS", tmp_path / "models")
    write_detector(tmp_path / "models" / "convolutional.onnx", BOXES[:3])
    write_detector(tmp_path / "training" / "detector.onnx", BOXES[:3])
    assert "pipeline.onnx" in run_here(main, f"pipeline.detector={name}", folder=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ckpt_path=best.ckpt"], "leave ckpt_path out"),
        (["pipeline.detector=gone.onnx"], "no cascade is called 'gone.onnx'"),
        (["pipeline.classifier=gone"], "no classifier at"),
        (["output=detector.onnx"], "is one of the files that are to be joined"),
        (["output=joined.pt"], "output must end in .onnx"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, arguments: list[str], message: str):
    write_detector(tmp_path / "detector.onnx", BOXES)
    assert message in run_here(main, "pipeline.detector=detector.onnx", *arguments, folder=tmp_path, status=2)
    assert [path.name for path in tmp_path.iterdir()] == ["detector.onnx"]
