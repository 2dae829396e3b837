"""From folders of pictures to a trained cascade, with OpenCV's real binaries, on drawn faces."""

import json
import signal
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.log import TrainingLog, diagnose
from cascade.opencv.options import TrainOptions, count_features
from cascade.opencv.process import run_logged
from cascade.opencv.trainer import OpenCVTrainer
from cascade.samples.vec import read_vec, read_vec_header, write_vec
from cascade.training.record import read_stages
from cascade.training.trainer import Inputs
from cascade.xml import read_cascade, read_if_whole

# Where they are cached or asked for: compiling them takes minutes
pytestmark = [pytest.mark.tools, pytest.mark.timeout(3600)]

# A low rate per stage: drawn faces are easy, and the default would be reached after one stage
W, H = 14, 16
SMALL = {"numPos": 150, "numNeg": 150, "numStages": 3, "w": W, "h": H, "maxFalseAlarmRate": 0.02, "numThreads": 1}
OVERRIDES = ["trainer=opencv", *(f"options.{name}={value}" for name, value in SMALL.items())]


def train(tools, folder, vec, negatives, **options):
    """Train without the checks that come before."""
    chosen = TrainOptions(**(SMALL | {"featureType": "LBP"} | options))
    trainer = OpenCVTrainer(chosen, {"traincascade": str(tools.traincascade)})
    inputs = Inputs(Path(vec), folder / "bg.txt", trainer.window, 200, list(negatives))
    return trainer.train(inputs, folder, [])


class TestFromFoldersToDetector:
    @pytest.mark.parametrize("features", ["HAAR", "LBP"])
    def test_finds_faces_in_scenes(self, commands, prepare, find_faces, features, tools):
        samples = prepare("chips", "held_out=0.05")
        assert read_vec_header(samples / "positives.vec").count == 190
        assert read_vec_header(samples / "held_out/positives.vec").count == 10
        assert len((samples / "bg.txt").read_text().splitlines()) == 38
        output = commands.run(
            "-m",
            "cascade.train",
            f"samples={samples}",
            "name=my cascade",
            f"options.featureType={features}",
            *OVERRIDES,
        )
        assert "3 stages" in output
        result = commands.folder / "outputs/cascade/my cascade"
        report = json.loads((result / "report.json").read_text())
        assert report["outcome"] == "trained" and report["stages"] == 3 and len(report["per_stage"]) == 3
        for name in ("params.xml", "traincascade.log", "command.txt", "config.yaml", "stages.csv"):
            assert (result / name).stat().st_size > 0
        assert f"-featureType {features}" in (result / "command.txt").read_text()
        assert any((result / "tensorboard").iterdir())
        assert report["features"] == count_features(TrainOptions(**SMALL, featureType=features))
        printed = (result / "traincascade.log").read_text()
        assert f"windowSize [{W},{H}] : {report['features']}" in printed
        assert [stage.own["weak"] for stage in read_stages(result / "stages.csv")] == [
            printed.split(f"TRAINING {index}-stage")[1].split("END>")[0].count("\n|") - 1 for index in range(3)
        ]

        described = json.loads((result / "cascade.json").read_text())
        assert (described["window"], described["stages"], described["trainer"]) == ([W, H], 3, "opencv")
        cascade = read_cascade(result / "cascade.xml")
        assert (cascade.window, cascade.feature_type, len(cascade.stages)) == ((W, H), features, 3)
        assert sum(cascade.weak_trees) == report["weak_trees"]

        classifier = cv2.CascadeClassifier(str(result / "cascade.xml"))
        assert classifier.getOriginalWindowSize() == (W, H)
        assert find_faces(lambda picture: classifier.detectMultiScale(picture, 1.1, 2)) > 0.5

    def test_more_stages_go_on_and_other_settings_are_refused(self, commands, vec, negatives, tools):
        listed = commands.folder / "bg.txt"
        # An empty line, a comment and a lost picture: the binary alone would stop at the first
        listed.write_text("\n# mine\n" + "\n".join(map(str, negatives)) + "\n\ngone.png\n")
        call = ["-m", "cascade.train", f"vec='{vec}'", f"bg={listed}", "name=go", "options.featureType=LBP", *OVERRIDES]
        commands.run(*call, "options.numStages=1")
        folder = commands.folder / "outputs/cascade/go"
        first = (folder / "stage0.xml").read_bytes()
        output = commands.run(*call)
        assert "Going on after stage 0" in output and "1 of 41 negatives are left out" in output
        assert "Stage 0 is loaded" in (folder / "traincascade.log").read_text()
        assert (folder / "stage0.xml").read_bytes() == first
        assert [stage.index for stage in read_stages(folder / "stages.csv")] == [0, 1, 2]

        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        output = commands.run(*call, "options.minHitRate=0.97", status=2)
        assert "options.minHitRate: 0.995 → 0.97" in output and "Traceback" not in output
        assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    def test_ctrl_c_keeps_finished_stages(self, commands, vec, negatives, tools):
        listed = commands.folder / "bg.txt"
        listed.write_text("\n".join(map(str, negatives)))
        call = ["-m", "cascade.train", f"vec='{vec}'", f"bg={listed}", "name=stop", *OVERRIDES, "options.mode=ALL"]
        folder = commands.folder / "outputs/cascade/stop"
        process = commands.start(*call)
        deadline = time.monotonic() + 600
        while not (folder / "stages.csv").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 130, output
        assert "the same command goes on" in output
        assert json.loads((folder / "report.json").read_text())["outcome"] == "interrupted"
        assert read_if_whole(folder / "cascade.xml") is None
        (folder / "stage1.xml").write_text("<opencv_storage><stage1>")  # as a crash leaves it
        output = commands.run(*call)
        assert "stage1.xml was cut short" in output
        assert len(read_cascade(folder / "cascade.xml").stages) == 3
        assert "Stage 0 is loaded" in (folder / "traincascade.log").read_text()

    def test_sweep_has_a_folder_per_run(self, commands, vec, negatives, tools):
        listed = commands.folder / "bg.txt"
        listed.write_text("\n".join(map(str, negatives)))
        call = ["-m", "cascade.train", "-m", f"vec='{vec}'", f"bg={listed}", "name=sweep", "options.featureType=LBP"]
        commands.run(*call, *OVERRIDES, "options.numStages=1", "options.maxDepth=1,2")
        for index, depth in enumerate((1, 2)):
            report = json.loads((commands.folder / f"outputs/cascade/sweep/{index}/report.json").read_text())
            assert report["options"]["maxDepth"] == depth and report["stages"] == 1


class TestEveryFailureHasItsName:
    """The binary exits 0 or aborts in each of these."""

    def test_missing_vec(self, tools, tmp_path, negatives):
        with pytest.raises(TrainingError, match=r"There is no \.vec file at .*none\.vec"):
            train(tools, tmp_path, tmp_path / "none.vec", negatives)

    def test_no_vec_file(self, tools, tmp_path, negatives):
        (tmp_path / "short.vec").write_bytes(b"12345")
        with pytest.raises(TrainingError, match=r"short\.vec is no \.vec file"):
            train(tools, tmp_path, tmp_path / "short.vec", negatives)

    def test_missing_list(self, tools, tmp_path, vec):
        options, missing, log = TrainOptions(**SMALL), tmp_path / "nowhere" / "bg.txt", TrainingLog()
        command = [tools.traincascade, *options.arguments(tmp_path, vec, missing)]
        status = run_logged(command, tmp_path / "log", log.feed)
        assert status == 0
        with pytest.raises(TrainingError, match=f"no list of negatives at {missing}"):
            diagnose(status, log, options, Inputs(vec, missing, (W, H)), tmp_path, tmp_path / "log")

    @pytest.mark.parametrize("listed", [[], ["gone.png"]])
    def test_list_without_a_picture(self, tools, tmp_path, vec, listed):
        with pytest.raises(TrainingError, match=r"No picture that .* lists can be used"):
            train(tools, tmp_path, vec, [tmp_path / name for name in listed])

    def test_pictures_smaller_than_the_window(self, tools, tmp_path, vec):
        cv2.imwrite(str(tmp_path / "small.png"), np.arange(64, dtype=np.uint8).reshape(8, 8))
        with pytest.raises(TrainingError, match=f"no smaller than {W}×{H}"):
            train(tools, tmp_path, vec, [tmp_path / "small.png"])

    def test_folder_cannot_be_written(self, tools, tmp_path, vec, negatives):
        (tmp_path / "cascade.xml").mkdir()  # stops even root
        with pytest.raises(TrainingError, match="Nothing can be written to"):
            train(tools, tmp_path, vec, negatives)
        assert "END>" in (tmp_path / "traincascade.log").read_text()  # a whole stage was trained in vain

    def test_folder_is_a_file(self, tools, tmp_path, vec, negatives):
        (tmp_path / "file").touch()
        with pytest.raises(TrainingError, match="file"):
            train(tools, tmp_path / "file" / "result", vec, negatives)

    def test_vec_runs_out(self, tools, tmp_path, vec, negatives):
        with pytest.raises(TrainingError, match="200 samples, and they ran out in stage 0"):
            train(tools, tmp_path, vec, negatives, numPos=201)

    def test_vec_runs_out_in_a_later_stage(self, tools, tmp_path, vec, negatives):
        samples = read_vec(vec, W, H)
        samples[::2] = np.random.default_rng(0).integers(0, 256, samples[::2].shape)  # noise, to be rejected
        write_vec(tmp_path / "half.vec", samples)
        with pytest.raises(TrainingError, match=r"in stage [12]: .* finished stages are in"):
            train(tools, tmp_path, tmp_path / "half.vec", negatives, numPos=200, minHitRate=0.6)
        assert (tmp_path / "stage0.xml").is_file()

    def test_wrong_window(self, tools, tmp_path, vec, negatives):
        with pytest.raises(TrainingError, match=f"{W * H} pixels, the window is 20×{H}"):
            train(tools, tmp_path, vec, negatives, w=20)

    def test_target_reached_early(self, tools, tmp_path, vec, negatives):
        result = train(tools, tmp_path, vec, negatives, maxFalseAlarmRate=0.9, numStages=20)
        assert isinstance(result.stopped_early, EarlyStop)
        assert f"after {result.stages} of 20 stages" in str(result.stopped_early)
        assert len(read_cascade(tmp_path / "cascade.xml").stages) == result.stages < 20

    def test_the_format_of_opencv_1_is_read(self, tools, tmp_path, vec, negatives):
        result = train(tools, tmp_path, vec, negatives, featureType="HAAR", baseFormatSave=True, numStages=2)
        cascade = read_cascade(result.model)
        assert cascade.node.get("type_id") == "opencv-haar-classifier" and cascade.window == (W, H)
        assert len(cascade.thresholds) == 2 and f"{sum(cascade.weak_trees)} weak trees" == result.summary
        cascade.first_stages(1).write(tmp_path / "short.xml")
        assert cv2.CascadeClassifier(str(tmp_path / "short.xml")).getOriginalWindowSize() == (W, H)

    def test_negatives_vanish(self, tools, tmp_path, vec, negatives):
        train(tools, tmp_path, vec, negatives, numStages=1)
        result = train(tools, tmp_path, vec, [tmp_path / "gone.png"])
        assert isinstance(result.stopped_early, EarlyStop) and result.stages == 1

    def test_other_crash_is_not_taken_for_a_known_one(self, tools, tmp_path, vec, negatives):
        fake = tmp_path / "opencv_traincascade"
        fake.write_text("#!/bin/sh\necho Usage: something else -vec; exit 3\n")
        fake.chmod(0o755)
        with pytest.raises(TrainingError, match="failed with status 3") as caught:
            train(replace(tools, traincascade=fake), tmp_path, vec, negatives)
        assert type(caught.value) is TrainingError

    def test_misspelt_option(self, commands):
        output = commands.run("-m", "cascade.train", "samples=x", "+options.minHitrate=0.9", status=2)
        assert "minHitrate" in output and "Traceback" not in output

    def test_preflight_gives_the_numbers(self, commands, vec, negatives):
        listed = commands.folder / "bg.txt"
        listed.write_text("\n".join(map(str, negatives)))
        call = ["-m", "cascade.train", f"vec='{vec}'", f"bg={listed}", *OVERRIDES]
        output = commands.run(*call, "options.numPos=200", "options.minHitRate=0.9", status=2)
        assert "holds 200 samples, the training may need 240" in output
        output = commands.run(*call, "options.w=16", status=2)
        assert f"{W}×{H}" in output and "16×16 = 256" in output
        assert not (commands.folder / "outputs/cascade/cascade/traincascade.log").exists()


def test_tools_command_says_where_they_are(commands, tools):
    assert str(tools.traincascade) in commands.run("-m", "cascade.tools")


def test_no_compiler_is_named(commands, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    commands.env |= {"PATH": str(folder), "FER_CASCADE_CACHE": str(tmp_path / "cache")}
    commands.env.pop("CC", None), commands.env.pop("CXX", None)
    output = commands.run("-m", "cascade.tools", status=2)
    assert "No C compiler" in output and "apt-get install" in output
    assert "Traceback" not in output and not (tmp_path / "cache" / "opencv-tools" / "3.4.18").exists()
