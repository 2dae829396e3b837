import csv
import functools
import json
import sys
import time
from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np
import pytest
from hydra.errors import InstantiationException

from cascade import CascadeDetector, ConvolutionalDetector, Detections, YuNetDetector
from cascade import evaluate as command
from cascade.boxes import BoxAdjustment
from cascade.contact_sheet import contact_sheet
from cascade.detectors import names
from cascade.errors import ConfigError, DataError, ModelError
from cascade.evaluation import compare as comparing
from cascade.evaluation.choice import build_detectors, detector_configs
from cascade.evaluation.compare import DetectorResult, OperatingPoint, Outcome
from cascade.evaluation.curves import Curve
from cascade.evaluation.mistakes import mistake_sheet
from cascade.evaluation.plot import COLOURS, plot_curves
from cascade.evaluation.speed import images_per_second, take_times
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import plain_entry
from tests.convolutional_model import write_bright

compare = functools.partial(comparing.compare, iou=0.4)
SETTINGS = {"scale_factor": 1.1, "min_neighbors": 2, "min_size": 30}


class Oracle:
    """Says what it is told: a detector that needs no cascade."""

    def __init__(self, rows):
        self.table = np.asarray(rows, np.float64).reshape(-1, 5)

    def detect(self, image):
        assert image.dtype == np.uint8
        return Detections.ranked(self.table[:, :4], self.table[:, 4])


class Unsure(Oracle):
    """One that has a threshold, 2, and finds less above it than it knows below."""

    def detect(self, image):
        return self.detect_down_to(image, 2)

    def detect_down_to(self, image, score):
        self.asked = score
        found = super().detect(image)
        # as where a doubtful box moves a sure one: what is above the threshold depends on it
        return found.above(score).adjusted(BoxAdjustment(dx=1.0) if score < 2 else None)


class FakeYuNet:
    """Finds two boxes, one of them surely, in place of OpenCV's network."""

    def setInputSize(self, size):  # noqa: N802
        assert size == (100, 100)

    def setScoreThreshold(self, least):  # noqa: N802
        self.least = least

    def detect(self, image):
        rows = np.zeros((2, 15), np.float32)
        rows[:, :4], rows[:, 14] = [[10, 10, 30, 30], [60, 60, 30, 30]], [0.9, 0.1]
        return 1, rows[rows[:, 14] >= self.least]


@pytest.fixture
def blanks(tmp_path):
    entries = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((100, 100, 3), 127, np.uint8))
        entries.append(plain_entry(path, [[10, 10, 30, 30], [60, 60, 30, 30]]))
    return entries


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of the test's own; returns its exit status, output and errors."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # the command changes it
        monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
        status = 0
        try:
            command.main()
        except SystemExit as left:
            status = left.code
        return status, *capsys.readouterr()

    return run


def test_counts_are_those_of_the_oracle(blanks):
    # one face of two in each picture, and one false alarm of a lower score
    oracle = Oracle([[12, 10, 30, 30, 2], [0, 80, 15, 15, 1]])
    result = compare({"oracle": oracle}, blanks).results["oracle"]
    assert (result.operating.found, result.operating.wrong, result.operating.rate) == (10, 10, 0.5)
    assert result.curve.rate_at(0) == 0.5
    assert result.curve.average_precision() == pytest.approx(0.5)
    assert result.sweep == []
    assert [outcome.verdict for outcome in result.outcomes] == ["right", "wrong", "missed"] * 10


def test_detections_of_ignored_faces_are_neither_right_nor_wrong(blanks):
    oracle = Oracle([[10, 10, 30, 30, 3], [12, 10, 30, 30, 2], [0, 80, 15, 15, 1]])
    excused = [replace(entry, ignore=np.array([True, False])) for entry in blanks]
    result = compare({"oracle": oracle}, excused).results["oracle"]
    assert [outcome.verdict for outcome in result.outcomes] == ["ignored", "ignored", "wrong", "missed"] * 10
    assert (result.operating.found, result.operating.wrong) == (0, 10)


def test_fitted_adjustment_is_learnt_on_other_images(blanks):
    # boxes of half the size: IoU 0.36, below the threshold
    halves = Oracle([[16, 16, 18, 18, 2], [66, 66, 18, 18, 1]])
    more = blanks * 3
    plain = compare({"halves": halves}, more)
    fitted = compare({"halves": halves}, more, fit_share=0.5, seed=1)
    assert plain.results["halves"].operating.found == 0
    assert fitted.training_images == 15
    assert len(fitted.images) == 15
    assert fitted.results["halves"].operating.rate == 1
    assert fitted.results["halves"].adjustment.width == pytest.approx(30 / 18, abs=0.001)


def test_unreadable_images_are_left_out_and_named(blanks):
    blanks[3].path.write_bytes(b"no picture")
    comparison = compare({"blind": Oracle([])}, blanks)
    assert list(comparison.unreadable) == [blanks[3].path]
    assert "not a picture" in comparison.unreadable[blanks[3].path]
    assert comparison.results["blind"].curve.faces == 18


def test_boxes_outside_their_picture_are_told(blanks, caplog):
    stray = replace(blanks[0], boxes=blanks[0].boxes + np.array([5000, 0, 0, 0]))
    compare({"blind": Oracle([])}, [stray, *blanks[1:]])
    assert f"{stray.path}: {len(stray.boxes)} of its boxes lie outside" in caplog.text
    assert caplog.text.count("lie outside") == 1


def test_nothing_to_find_is_an_error(blanks):
    with pytest.raises(DataError, match="not one face is annotated"):
        compare({"blind": Oracle([])}, [plain_entry(blanks[0].path, [])])
    with pytest.raises(DataError, match="too few"):
        compare({"blind": Oracle([])}, blanks, fit_share=0.99)
    blanks[0].path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of 1 images"):
        compare({"blind": Oracle([])}, blanks[:1])


def test_sweep_of_a_cascade_is_what_each_setting_finds(photographs):
    entries = read_annotations(photographs / "faces.txt")
    detector = CascadeDetector("default", min_size=30)
    result = compare({"default": detector}, entries, sweep=(1, 4)).results["default"]
    for point in (*result.sweep, result.operating):
        alone = CascadeDetector("default", min_size=30, min_neighbors=point.min_neighbors)
        other = compare({"alone": alone}, entries, sweep=()).results["alone"]
        assert (point.found, point.wrong) == (other.operating.found, other.operating.wrong)
    assert [point.min_neighbors for point in result.sweep] == [1, 4]
    assert result.sweep[0].found == result.curve.found[-1] == 3
    assert result.sweep[0].wrong == result.curve.wrong[-1]


class TestThresholds:
    """Detectors with a threshold of their own are measured by one rule: the curve below it, the dot at it."""

    def test_the_curve_reaches_below_and_the_dot_is_what_detect_finds(self, blanks):
        rows = [[10, 10, 30, 30, 3], [60, 60, 30, 30, 1], [0, 80, 15, 15, 0.01]]
        own, lax = Unsure(rows), Oracle([[40, 10, 30, 30, 3], [90, 60, 30, 30, 1]])
        result = compare({"unsure": own}, blanks).results["unsure"]
        curve = compare({"lax": lax}, blanks).results["lax"].curve
        assert (result.operating.min_neighbors, result.operating.found, result.operating.wrong) == (None, 10, 0)
        assert result.sweep == []
        np.testing.assert_array_equal(result.curve.thresholds, [3, 1])
        np.testing.assert_array_equal(result.curve.wrong, curve.wrong)
        assert [outcome.verdict for outcome in result.outcomes] == ["right", "missed"] * 10

    def test_yunet_and_convolutional_cascades_alike(self, tmp_path, blanks, monkeypatch):
        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: FakeYuNet())
        (tmp_path / "yunet.onnx").touch()
        picture = np.zeros((100, 100), np.uint8)
        picture[10:40, 10:40] = 204  # found with 0.8, and a half of it, which is no face, with 0.4
        for entry in blanks:
            cv2.imwrite(str(entry.path), picture)
        yunet = YuNetDetector(tmp_path / "yunet.onnx", box_adjustment=BoxAdjustment())
        ours = ConvolutionalDetector(write_bright(tmp_path / "bright.onnx"))
        results = compare({"yunet": yunet, "ours": ours}, blanks).results
        for name, thresholds, found, wrong in (
            ("yunet", [0.9, 0.1], [10, 20], [0, 0]),
            ("ours", [0.8, 0.4], [10, 10], [0, 10]),
        ):
            result = results[name]
            np.testing.assert_allclose(result.curve.thresholds, thresholds)
            assert (result.curve.found.tolist(), result.curve.wrong.tolist()) == (found, wrong)
            assert (result.operating.found, result.operating.wrong, result.sweep) == (10, 0, [])

    def test_a_threshold_below_the_curve_s_end_is_kept(self, tmp_path, blanks):
        picture = np.zeros((100, 100), np.uint8)
        picture[10:40, 10:40] = 204
        lax = ConvolutionalDetector(write_bright(tmp_path / "bright.onnx"), threshold=0.01)
        assert len(lax.detect_down_to(picture, 0.9)) == len(lax.detect(picture)) == 2


class TestChoice:
    def test_names_files_and_mappings(self, tmp_path):
        folder = tmp_path / "mine"
        folder.mkdir()
        (folder / "cascade.xml").write_bytes(CascadeDetector("alt2").path.read_bytes())
        made = build_detectors(
            [
                "alt2",
                "alt2",
                str(folder),
                "frontalface_alt",
                {"detector": "alt2", "name": "coarse", "scale_factor": 1.4},
            ],
            SETTINGS,
        )
        assert list(made) == ["alt2", "alt2-2", "mine", "frontalface_alt", "coarse"]
        assert all(type(d) is CascadeDetector and d.min_size == 30 for d in made.values())
        assert made["mine"].scale_factor == 1.1
        assert made["coarse"].scale_factor == 1.4

    def test_a_file_says_which_class_it_takes(self, tmp_path):
        write_bright(tmp_path / "mine" / "detector.onnx")
        write_bright(tmp_path / "bright.onnx")
        choices = [str(tmp_path / "mine"), str(tmp_path / "bright.onnx"), "alt2"]
        choices.append({"detector": choices[0], "name": "sure", "threshold": 0.9})
        made = build_detectors(choices, SETTINGS)
        kinds = {"mine": ConvolutionalDetector, "bright": ConvolutionalDetector, "alt2": CascadeDetector}
        assert {name: type(detector) for name, detector in made.items()} == kinds | {"sure": ConvolutionalDetector}
        assert [made[name].threshold for name in ("mine", "sure")] == [0.5, 0.9]

    @pytest.mark.parametrize("name", detector_configs())
    def test_every_detector_config_can_be_made(self, name, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path))
        if name == "yunet":
            monkeypatch.chdir(tmp_path)
            with pytest.raises(InstantiationException, match=r"no model file yunet\.onnx; .*curl"):
                build_detectors([name], SETTINGS)
            with pytest.raises(InstantiationException, match=r"no\.onnx"):
                build_detectors([{"detector": name, "model_path": "no.onnx"}], SETTINGS)
        elif name == "convolutional":
            file = write_bright(tmp_path / "mine.onnx")
            assert build_detectors([{"detector": name, "model": str(file)}], SETTINGS)[name].path == file
            monkeypatch.setattr(names, "MODELS", tmp_path / "models")
            (tmp_path / "models").mkdir()
            with pytest.raises(InstantiationException, match=r"'convolutional'.*holds no \.onnx"):
                build_detectors([name], SETTINGS)
            file = write_bright(tmp_path / "models" / "convolutional.onnx")
            assert build_detectors([name], SETTINGS)[name].path == file
        elif name == "opencv_lbp":
            with pytest.raises(InstantiationException, match="make tools"):
                build_detectors([name], SETTINGS)
            from cascade.opencv.tools.find import tools_folder

            data = tools_folder() / "data"
            data.mkdir(parents=True)
            (data / "lbpcascade_frontalface.xml").write_bytes(CascadeDetector("alt2").path.read_bytes())
            made = build_detectors([name], SETTINGS)[name]
            assert made.path.parent == data
            assert made.box_adjustment != BoxAdjustment()
        else:
            detector = build_detectors([name], SETTINGS)[name]
            assert detector.min_neighbors == 2
            assert detector.mirror == (name == "profile")

    @pytest.mark.parametrize(
        ("choice", "error", "message"),
        [
            ("alt3", ModelError, "alt3"),
            ({"name": "x"}, ConfigError, "needs `detector`"),
            ({"detector": "alt2", "colour": "red"}, InstantiationException, "colour"),
            ({"_target_": "collections.OrderedDict"}, ConfigError, "no face detector"),
        ],
    )
    def test_bad_choices_are_named(self, choice, error, message):
        with pytest.raises(error, match=message):
            build_detectors([choice], {})

    def test_none_is_an_error(self):
        with pytest.raises(ConfigError, match="at least one"):
            build_detectors([], {})


def result_of(curve, operating=(), sweep=()):
    points = [OperatingPoint(1, 0, wrong, rate) for wrong, rate in (*sweep, *operating)]
    return DetectorResult(curve, points[-1], points[:-1], None, [])


def test_plot_shows_each_curve_in_its_colour():
    steep = Curve.of(np.arange(50), np.ones(50), faces=50, images=5)
    flat = Curve.of(np.arange(50), np.arange(50) % 2, faces=100, images=5)
    results = {"steep": result_of(steep, [(0, 1.0)]), "flat": result_of(flat, [(10, 0.2)], [(5, 0.1), (20, 0.24)])}
    figure = plot_curves(results, "title")
    (axes,) = figure.axes
    assert axes.get_title() == "title"
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (1, 100)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["steep  AP 1.000", f"flat  AP {flat.average_precision():.3f}"]
    curve, rings, dot = axes.lines[3:]
    assert {line.get_color() for line in (curve, rings, dot)} == {COLOURS[1]}
    np.testing.assert_array_equal(rings.get_xydata(), [[5, 0.1], [20, 0.24]])
    np.testing.assert_array_equal(dot.get_xydata(), [[10, 0.2]])
    assert rings.get_markerfacecolor() == "none"
    assert plot_curves({"none": result_of(Curve.of([], [], 1, 1), [(0, 0.0)])}, "").axes[0].get_xlim() == (1, 10)


class TestMistakes:
    @pytest.fixture
    def mistakes(self, tmp_path):
        made = []
        for score, shade in ((1, 50), (3, 150), (2, 250)):
            path = tmp_path / f"{shade}.png"
            cv2.imwrite(str(path), np.full((60, 60, 3), shade, np.uint8))
            made.append(Outcome(path, np.array([20.0, 20.0, 20.0, 20.0]), score, "wrong"))
        return made

    def test_the_most_telling_come_first(self, mistakes):
        sheet = mistake_sheet("misses", mistakes, limit=2)
        assert sheet.shape == mistake_sheet("misses", mistakes[:2], limit=2).shape
        centres = [sheet[21 + 56, 4 + 56 + 116 * column].tolist() for column in range(3)]
        assert centres == [[150] * 3, [250] * 3, [32] * 3]

    @pytest.mark.parametrize("limit", [0, 60])
    def test_none_to_show(self, limit, mistakes):
        title = "misses: 3, 0 shown" if limit == 0 else "misses: 0"
        sheet = mistake_sheet("misses", mistakes if limit == 0 else [], limit)
        np.testing.assert_array_equal(sheet, contact_sheet([], [], 10, cell=112, title=title))


def test_speed_counts_images(blanks):
    cv2.setNumThreads(2)
    images = [cv2.imread(str(entry.path)) for entry in blanks]
    speed = images_per_second({"blind": Oracle([]), "too": Oracle([])}, images, threads=1, repeats=2)
    assert set(speed) == {"blind", "too"}
    assert all(value > 0 for value in speed.values())
    assert cv2.getNumThreads() == 2


def test_detectors_are_timed_in_turns_by_any_clock():
    calls = []

    class Named:
        def __init__(self, name):
            self.name = name

        def detect(self, image):
            calls.append((self.name, int(image[0, 0])))
            return Detections.ranked([], [])

    ticks = iter(range(100))
    images = [np.full((2, 2), value, np.uint8) for value in (7, 8)]
    seconds = take_times({"a": Named("a"), "b": Named("b")}, images, 1, repeats=2, timer=lambda: next(ticks))
    np.testing.assert_array_equal(seconds, np.ones((2, 2, 2)))
    assert calls == [("a", 7), ("b", 7), *[("a", 7), ("b", 7), ("a", 8), ("b", 8)] * 2]


def test_speed_does_not_count_what_is_opened_once(blanks):
    class Slow(Oracle):
        seen: ClassVar[list[int]] = []

        def detect(self, image):
            time.sleep(0 if self.seen else 1)
            self.seen.append(cv2.getNumThreads())
            return super().detect(image)

    images = [cv2.imread(str(blanks[0].path))]
    assert images_per_second({"slow": Slow([])}, images, threads=1)["slow"] > 2
    assert Slow.seen == [1, 1]


def test_command_writes_everything(photographs, tmp_path, evaluate):
    status, output, errors = evaluate(
        f"truth={photographs / 'faces.txt'}", "detectors=[alt2,frontalface_default]", "settings.min_size=30",
        "hydra.run.dir=out", "speed.images=1", "count.min_size=20",
    )  # fmt: skip
    assert status == 0, errors
    assert "3 faces to find in 4 images" in output
    assert "alt2" in output
    figures = json.loads((tmp_path / "out" / "results.json").read_text())
    assert figures["faces"] == 3
    for name in ("alt2", "frontalface_default"):
        own = figures["detectors"][name]
        assert own["detection_rate_at"]["10"] == 1
        assert own["operating_point"]["found"] == 3
        assert own["images_per_second"] > 0
        assert own["settings"]["min_size"] == 30
        for what in ("misses", "false_alarms"):
            assert cv2.imread(str(tmp_path / "out" / f"{what}_{name}.png")) is not None
    assert cv2.imread(str(tmp_path / "out" / "froc.png")).shape == (700, 1000, 3)
    with (tmp_path / "out" / "results.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["detector"] for row in rows] == ["alt2", "frontalface_default"]
    assert float(rows[0]["average_precision"]) == figures["detectors"]["alt2"]["average_precision"]
    with (tmp_path / "out" / "detections.csv").open() as stream:
        verdicts = [row["verdict"] for row in csv.DictReader(stream) if row["detector"] == "alt2"]
    assert verdicts.count("right") == 3
    assert verdicts.count("wrong") == figures["detectors"]["alt2"]["operating_point"]["wrong"]
    with (tmp_path / "out" / "curves.csv").open() as stream:
        assert {row["detector"] for row in csv.DictReader(stream)} == {"alt2", "frontalface_default"}


def test_command_measures_a_training_s_network_beside_a_cascade(photographs, tmp_path, evaluate):
    write_bright(tmp_path / "mine" / "detector.onnx")
    status, output, errors = evaluate(
        f"truth={photographs / 'faces.txt'}", "detectors=[alt2,mine]", "hydra.run.dir=out", "speed.images=1",
    )  # fmt: skip
    assert status == 0, errors
    assert "mine" in output
    own = json.loads((tmp_path / "out" / "results.json").read_text())["detectors"]["mine"]
    assert own["operating_point"] == {"min_neighbors": None, "found": 0, "wrong": 4, "rate": 0}  # whole pictures
    assert (own["settings"]["threshold"], own["settings"]["max_windows"]) == (0.5, 1000)
    assert own["images_per_second"] > 0
    with (tmp_path / "out" / "curves.csv").open() as stream:
        curve = [float(row["threshold"]) for row in csv.DictReader(stream) if row["detector"] == "mine"]
    assert max(curve) > 0.5 > min(curve)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "truth"),
        (["truth=gone.txt"], "gone.txt"),
        (["truth=lost.txt"], "1 of 1 annotated images are missing: lost.png"),
        (["truth=there.txt", "detectors=[alt3]"], "no cascade is called 'alt3'"),
        (["truth=lost.txt", "iou=0"], "iou is 0.0; it must be a number above 0 and up to 1"),
        (["truth=lost.txt", "iou=much"], "iou"),
        (["truth=lost.txt", "sweep=[0]"], "sweep is [0]; it must be a list, each a whole number of 1 or more"),
        (["truth=lost.txt", "limit=0"], "limit is 0; it must be a whole number of 1 or more"),
        (["truth=lost.txt", "fit_share=1"], "fit_share"),
        (["truth=lost.txt", "negatives=nowhere"], "nowhere"),
        (["truth=lost.txt", "colour=red"], "colour"),
        (["truth=lost.txt", "+speed.colour=red"], "colour"),
        (["truth=there.txt", "settings.colour=red"], "colour"),
        (["truth=there.txt", "detectors=[{detector: alt2, colour: red}]"], "no setting colour"),
        (["truth=there.txt", "detectors=[{detector: yunet}]"], "OpenCV's model zoo has it: curl"),
        (["truth=there.txt", "detectors=[{detector: convolutional, model: gone}]"], "no cascade is called 'gone'"),
        (["truth=there.txt", "detectors=[bad.onnx]"], "bad.onnx is not an ONNX model"),
    ],
)
def test_command_explains_mistakes_in_one_message(tmp_path, evaluate, arguments, message):
    (tmp_path / "lost.txt").write_text("lost.png\t1\t1 2 30 40\n")
    (tmp_path / "there.txt").write_text("there.png\t1\t1 2 30 40\n")
    (tmp_path / "there.png").touch()
    (tmp_path / "bad.onnx").touch()
    status, output, errors = evaluate(*arguments)
    assert status == 2
    assert message in errors
    assert "Traceback" not in output + errors


def test_negatives_are_those_of_every_folder_of_pictures(tmp_path, photographs, evaluate):
    """`.jp2` counts, what is hidden does not."""
    folder = tmp_path / "none"
    folder.mkdir()
    good, data = cv2.imencode(".jp2", np.zeros((40, 40, 3), np.uint8))
    assert good
    (folder / "a.jp2").write_bytes(data)
    (folder / ".hidden.png").write_bytes(b"")
    status, output, errors = evaluate(
        f"truth={photographs / 'faces.txt'}", f"negatives={folder}", "detectors=[alt2]", "settings.min_size=0.9",
        "speed.images=0", "tiles=0", "hydra.run.dir=out",
    )  # fmt: skip
    assert status == 0, errors
    assert "in 5 images" in output
