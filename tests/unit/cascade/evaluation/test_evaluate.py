import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade import CascadeDetector, Detections
from cascade.detectors.boosted import CascadeDetector as SameDetector
from cascade.errors import ConfigError, DataError, ModelError
from cascade.evaluation.choice import build_detectors, detector_configs
from cascade.evaluation.compare import compare
from cascade.evaluation.curves import Curve
from cascade.evaluation.plot import plot_curves
from cascade.evaluation.speed import images_per_second
from cascade.evaluation.tiles import Tiles
from cascade.samples.annotations import read_annotations
from cascade.samples.image_annotations import plain_entry

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = {"scale_factor": 1.1, "min_neighbors": 2, "min_size": 30}


class Oracle:
    """Says what it is told: a detector that needs no cascade."""

    def __init__(self, rows):
        self.table = np.asarray(rows, np.float64).reshape(-1, 5)

    def detect(self, image):
        assert image.dtype == np.uint8
        return Detections.ranked(self.table[:, :4], self.table[:, 4])


@pytest.fixture
def blanks(tmp_path):
    entries = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((100, 100, 3), 127, np.uint8))
        entries.append(plain_entry(path, [[10, 10, 30, 30], [60, 60, 30, 30]]))
    return entries


def evaluate(*arguments, folder):
    env = {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cascade.evaluate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=env)


def test_counts_are_those_of_the_oracle(blanks):
    # one face of two in each picture, and one false alarm of a lower score
    oracle = Oracle([[12, 10, 30, 30, 2], [0, 80, 15, 15, 1]])
    result = compare({"oracle": oracle}, blanks).results["oracle"]
    assert (result.operating.found, result.operating.wrong, result.operating.rate) == (10, 10, 0.5)
    assert result.curve.rate_at(0) == 0.5
    assert result.curve.average_precision() == pytest.approx(0.5)
    assert result.sweep == []
    assert [letters for _, letters in result.verdicts] == ["rw"] * 10


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
    assert comparison.unreadable == [blanks[3].path]
    assert comparison.results["blind"].curve.faces == 18


def test_nothing_to_find_is_an_error(blanks):
    with pytest.raises(DataError, match="no annotated face"):
        compare({"blind": Oracle([])}, [plain_entry(blanks[0].path, [])])
    with pytest.raises(DataError, match="below 1"):
        compare({"blind": Oracle([])}, blanks, fit_share=1.0)


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
        assert all(type(d) is SameDetector and d.min_size == 30 for d in made.values())
        assert made["mine"].scale_factor == 1.1
        assert made["coarse"].scale_factor == 1.4

    @pytest.mark.parametrize("name", sorted(detector_configs()))
    def test_every_detector_config_can_be_made(self, name, monkeypatch, tmp_path):
        monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path))
        if name == "yunet":
            with pytest.raises(ConfigError, match="model_path"):
                build_detectors([name], SETTINGS)
            with pytest.raises(ModelError, match=r"no\.onnx"):
                build_detectors([{"detector": name, "model_path": "no.onnx"}], SETTINGS)
        elif name.startswith("lbp"):
            with pytest.raises(ModelError, match="make tools"):
                build_detectors([name], SETTINGS)
            from cascade.opencv.tools.find import tools_folder

            data = tools_folder() / "data"
            data.mkdir(parents=True)
            (data / "lbpcascade_frontalface.xml").write_bytes(CascadeDetector("alt2").path.read_bytes())
            assert build_detectors([name], SETTINGS)[name].path.parent == data
        else:
            detector = build_detectors([name], SETTINGS)[name]
            assert detector.min_neighbors == 2
            assert detector.mirror == (name == "profile")

    @pytest.mark.parametrize(
        ("choice", "error", "message"),
        [
            ("alt3", ModelError, "alt3"),
            ({"name": "x"}, ConfigError, "needs `detector`"),
            ({"detector": "alt2", "colour": "red"}, ConfigError, "colour"),
            ({"_target_": "collections.OrderedDict"}, ConfigError, "no face detector"),
        ],
    )
    def test_bad_choices_are_named(self, choice, error, message):
        with pytest.raises(error, match=message):
            build_detectors([choice], {})

    def test_none_is_an_error(self):
        with pytest.raises(ConfigError, match="at least one"):
            build_detectors([], {})


def test_plot_shows_each_curve_in_its_colour():
    steep = Curve.of(np.arange(50), np.ones(50), faces=50, images=5)
    flat = Curve.of(np.arange(50), np.arange(50) % 2, faces=100, images=5)
    picture = plot_curves({"steep": steep, "flat": flat}, {"flat": (10, 0.2)}, "title")
    assert picture.shape == (700, 1000, 3)
    for colour in ((178, 114, 0), (0, 94, 213)):
        assert (picture == colour).all(axis=2).sum() > 100
    assert plot_curves({"none": Curve.of([], [], 1, 1)}, {}, "").shape == (700, 1000, 3)


def test_tiles_keep_the_most_telling():
    image = np.zeros((60, 60, 3), np.uint8)
    tiles = Tiles("misses", limit=2)
    assert tiles.sheet().ndim == 3
    for priority, shade in ((1, 50), (3, 150), (2, 250)):
        image[:] = shade
        tiles.add(image, np.array([20, 20, 20, 20]), priority, str(shade))
    sheet = tiles.sheet()
    first, second = sheet[28 + 56, 4 + 56], sheet[28 + 56, 4 + 116 + 56]
    assert first.tolist() == [150] * 3
    assert second.tolist() == [250] * 3


def test_no_tiles_asked_none_kept():
    tiles = Tiles("misses", limit=0)
    tiles.add(np.zeros((60, 60, 3), np.uint8), np.array([20, 20, 20, 20]), 1.0, "left out")
    assert np.array_equal(tiles.sheet()[28:], Tiles("misses", limit=0).sheet()[28:])


def test_speed_counts_images(blanks):
    cv2.setNumThreads(2)
    speed = images_per_second({"blind": Oracle([]), "too": Oracle([])}, [e.path for e in blanks], threads=1)
    assert set(speed) == {"blind", "too"}
    assert all(value > 0 for value in speed.values())
    assert cv2.getNumThreads() == 2


def test_command_writes_everything(photographs, tmp_path):
    done = evaluate(
        f"truth={photographs / 'faces.txt'}", "detectors=[alt2,frontalface_default]", "settings.min_size=30",
        "hydra.run.dir=out", "speed.images=1", "count.min_size=20", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 faces to find in 4 images" in done.stdout
    assert "alt2" in done.stdout
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "truth"),
        (["truth=gone.txt"], "gone.txt"),
        (["truth=lost.txt"], "1 of 1 annotated images are missing: lost.png"),
        (["truth=lost.txt", "detectors=[alt3]"], "no cascade is called 'alt3'"),
        (["truth=lost.txt", "iou=0"], "iou must be"),
        (["truth=lost.txt", "negatives=nowhere"], "nowhere"),
        (["truth=lost.txt", "colour=red"], "colour"),
    ],
)
def test_command_explains_mistakes_in_one_message(tmp_path, arguments, message):
    (tmp_path / "lost.txt").write_text("lost.png\t1\t1 2 30 40\n")
    done = evaluate(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
