"""What every trainer of a detector must do. A new one is added as one line, to TRAINERS."""

import json
import shutil
from dataclasses import dataclass, fields, replace
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf
from rich.console import Console

from cascade.command import CONFIGS
from cascade.errors import EarlyStop, OutputError, TrainingError
from cascade.files import sole_use
from cascade.opencv.options import TrainOptions
from cascade.opencv.trainer import OpenCVTrainer
from cascade.samples.lists import write_positives
from cascade.samples.vec import write_vec
from cascade.training.record import read_stages
from cascade.training.run_training import TrainConfig, run_training
from cascade.training.trainer import Findings, Finished, Observer, Stage, Training

W, H = 12, 14
SETTINGS = OmegaConf.to_container(OmegaConf.load(CONFIGS / "cascade/train.yaml"))
SETTINGS = {field.name: SETTINGS.get(field.name, {}) for field in fields(TrainConfig)} | {"name": "mine"}


@dataclass(frozen=True)
class ToyTrainer:
    """Trains a stage in no time: a file that says so."""

    stages: int = 3
    depth: int = 1
    reached_after: int = 99
    window: tuple[int, int] = (W, H)
    name: str = "toy"
    uses: tuple[str, ...] = ("vec",)

    @property
    def settings(self):
        return {"stages": self.stages, "depth": self.depth}

    def may_change(self, name, old, new):
        return name == "stages" and new > old

    def check(self, inputs):
        short = inputs.samples and inputs.samples < 10
        return Findings(errors=["too few samples"] if short else [], summary="no features", about={"features": 0})

    def finished(self, folder):
        count = 0
        while (folder / f"stage{count}.toy").is_file():
            count += 1
        return Finished(count)

    def train(self, inputs, folder, observers):
        for index in range(self.finished(folder).stages, min(self.stages, self.reached_after)):
            for rounds in (1, 2):
                stage = Stage(index, 100, 100 + index, 90, 0.3**index, {"epochs": rounds}, 0.99, 0.3)
                for observer in observers:
                    observer.update(stage, "learning")
            (folder / f"stage{index}.toy").write_text(f"{self.depth}")
            stage.finished = True
            for observer in observers:
                observer.stage_finished(stage)
        stages = self.finished(folder).stages
        (folder / "toy.onnx").write_text(f"{stages}")
        early = EarlyStop(f"enough after {stages}") if stages < self.stages else None
        return Training(folder / "toy.onnx", stages, f"{2 * stages} epochs", early, {"epochs": 2 * stages})


def boosted(stages, other, easy):
    """Options that OpenCV's trainer and our own have."""
    return {
        "numPos": 150,
        "numNeg": 150,
        "numStages": 20 if easy else stages,
        "w": W,
        "h": H,
        "featureType": "LBP",
        "maxFalseAlarmRate": 0.9 if easy else 0.1,
        "maxDepth": 2 if other else 1,
    }


def opencv(stages=3, other=False, easy=False):
    return OpenCVTrainer(TrainOptions(**boosted(stages, other, easy), numThreads=1, precalcValBufSize=64))


def boost(stages=3, other=False, easy=False):
    from cascade.boost.options import Options
    from cascade.boost.trainer import BoostTrainer

    return BoostTrainer(Options(**boosted(stages, other, easy), threads=1))


def toy(stages=3, other=False, easy=False):
    return ToyTrainer(stages, depth=2 if other else 1, reached_after=2 if easy else 99)


def toy_of_pictures(stages=3, other=False, easy=False):
    return replace(toy(stages, other, easy), uses=("pictures", "ignore"))


def convolutional(stages=3, other=False, easy=False):
    """Small networks that learn for seconds; where one sees the pattern at once, nothing is left for the next."""
    from cascade.convolutional.examples import Variation
    from cascade.convolutional.options import LookOptions, Options, ScanOptions
    from cascade.convolutional.trainer import ConvolutionalTrainer

    brief = {"rounds": 1, "steps": 80, "batch": 32, "rate": 4e-3, "recall": 0.9, "final_recall": 0.9}
    look = LookOptions(size=16, context=1.0, channels=[8, 16], hidden=16, jitter=[0.09, 0.18], passes=1, **brief)
    return ConvolutionalTrainer(
        Options(
            w=W,
            h=H,
            scan=ScanOptions(size=10, channels=[8, 8, 16], deep=[], **brief),
            looks={str(index): look for index in range(1, stages)},
            variation=Variation(**dict.fromkeys(vars(Variation()), 0.0) | {"mirror": False}),
            held_out=0.1,
            seed=2 if other else 1,
            smallest=W,
            threshold=0.5,
            max_windows=50,
            int8=False,
            fewest=10**6 if easy else 0,
            accelerator="cpu",
            precision="32-true",
            workers=0,
            threads=1,
            memory=1,
        )
    )


# Each makes a trainer for a window of 12×14: of so many stages; with a setting that may not change when it goes on;
# whose goal is reached before its last stage
WITH_TOOLS = [pytest.mark.tools, pytest.mark.timeout(3600)]
SLOW = pytest.param(convolutional, marks=pytest.mark.slow)
TRAINERS = [toy, toy_of_pictures, boost, SLOW, pytest.param(opencv, marks=WITH_TOOLS)]


@pytest.fixture(params=TRAINERS)
def make(request):
    if request.param is opencv:
        request.getfixturevalue("tools")
    return request.param


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder of samples as `cascade.prepare` makes it: a faint pattern in noise, and noise.

    The 200 samples of the .vec, and 50 pictures with four each, of which one more is to be ignored.
    """
    folder = tmp_path_factory.mktemp("two words")
    random = np.random.default_rng(0)
    pattern = cv2.resize(random.normal(size=(4, 3)), (W, H), interpolation=cv2.INTER_CUBIC)
    noise = random.normal(128, 25, (200, H, W))
    write_vec(folder / "positives.vec", np.clip(noise + 15 * pattern, 0, 255).astype(np.uint8))
    places = [(x, y, W, H) for y in (10, 60) for x in (10, 40, 70)]
    listed = [f"{index}.bmp" for index in range(50)]
    for name in listed:
        picture = random.normal(128, 25, (100, 100))
        for x, y, _, _ in places[:5]:
            picture[y : y + H, x : x + W] += 60 * pattern
        cv2.imwrite(str(folder / name), np.clip(picture, 0, 255).astype(np.uint8))
    write_positives(folder / "positives.dat", [(name, places[:4]) for name in listed])
    write_positives(folder / "ignore.dat", [(name, [places[4], (-90, 90, 400, 20)]) for name in listed])
    names = [f"{index}.png" for index in range(12)]
    for name in names:
        cv2.imwrite(str(folder / name), np.clip(random.normal(128, 40, (120, 120)), 0, 255).astype(np.uint8))
    (folder / "bg.txt").write_text("\n".join([*names, "gone.png"]))
    return folder


@pytest.fixture
def train(samples, tmp_path):
    """Trains into a folder; returns what was printed."""

    def run(trainer, folder=tmp_path / "result", **settings):
        console = Console(file=StringIO(), width=200)
        config = TrainConfig(**(SETTINGS | {"samples": str(samples)} | settings))
        run_training(config, trainer, folder, console)
        return console.file.getvalue()

    run.folder = tmp_path / "result"
    return run


class Stopped:
    """A trainer to which something happens when it has finished its first stage."""

    def __init__(self, trainer, event):
        self._trainer, self._event = trainer, event

    def __getattr__(self, name):
        return getattr(self._trainer, name)

    def train(self, inputs, folder, observers):
        event = self._event

        class Stop(Observer):
            def stage_finished(self, stage):
                raise event

        return self._trainer.train(inputs, folder, [*observers, Stop()])


def report(folder):
    return json.loads((folder / "report.json").read_text())


def test_trains_and_records(make, train, samples):
    printed = train(make(), box_adjustment={"dx": 0.25})
    stages = read_stages(train.folder / "stages.csv")
    assert [stage.index for stage in stages] == [0, 1, 2]
    assert all(stage.finished and stage.rounds > 0 and stage.positives > 0 < stage.negatives for stage in stages)
    told = report(train.folder)
    assert (told["outcome"], told["stages"], told["stages_finished"], told["reason"]) == ("trained", 3, 3, None)
    assert told["per_stage"] == [stage.figures() for stage in stages] and told["trainer"] == make().name
    assert told["false_alarm_rate"] == pytest.approx(np.prod([stage.false_alarm_rate for stage in stages]))
    assert told["positives"]["samples"] == 200 and told["negatives"]["pictures"] == 12
    assert "1 of 13 negatives are left out" in told["warnings"][0] and "gone.png" in printed
    assert (train.folder / "config.yaml").is_file() and any((train.folder / "tensorboard").iterdir())
    described = next(path for path in train.folder.glob("*.json") if "box_adjustment" in path.read_text())
    assert json.loads(described.read_text()) == {
        "name": "mine",
        "window": [W, H],
        "stages": 3,
        "trainer": make().name,
        "box_adjustment": {"dx": 0.25, "dy": 0.0, "width": 1.0, "height": 1.0},
    }
    assert [path for path in train.folder.glob(described.stem + ".*") if path != described]


@pytest.mark.parametrize(
    ("event", "outcome"), [(KeyboardInterrupt(), "interrupted"), (TrainingError("the disk is full"), "failed")]
)
def test_goes_on_after_what_is_finished(make, train, event, outcome):
    with pytest.raises(type(event)):
        train(Stopped(make(), event))
    told = report(train.folder)
    assert (told["outcome"], told["stages_finished"]) == (outcome, 1)
    assert told["reason"] == (None if outcome == "interrupted" else "TrainingError: the disk is full")
    assert make().finished(train.folder).stages == 1
    first = read_stages(train.folder / "stages.csv")
    assert "Going on after stage 0" in train(make())
    stages = read_stages(train.folder / "stages.csv")
    assert stages[:1] == first and [stage.index for stage in stages] == [0, 1, 2]
    assert (report(train.folder)["outcome"], make().finished(train.folder).stages) == ("trained", 3)


def test_more_stages_are_added(make, train):
    train(make(stages=1))
    train(make(stages=2))
    assert report(train.folder)["stages"] == 2


def test_changed_inputs_are_refused(make, train, samples, tmp_path):
    train(make(stages=2))
    other = Path(shutil.copytree(samples, tmp_path / "other"))
    write_vec(other / "positives.vec", np.random.default_rng(1).integers(0, 256, (200, H, W), np.uint8))
    write_positives(other / "positives.dat", [(f"{index}.bmp", [(1, 2, W, H)]) for index in range(50)])
    (tmp_path / "fewer.txt").write_text("".join(f"{samples / str(index)}.png\n" for index in range(10)))
    before = {path.name: path.read_bytes() for path in train.folder.iterdir() if path.is_file()}
    for trainer, settings, message in (
        (make(stages=2, other=True), {}, "options.*: 1 → 2"),
        (make(stages=1), {}, "options.*: 2 → 1"),
        (make(stages=2), {"samples": str(other)}, f"{make().uses[0]}: .*other content"),
        (make(stages=2), {"bg": str(tmp_path / "fewer.txt")}, "negatives: 12 → 10"),
    ):
        with pytest.raises(TrainingError, match=message):
            train(trainer, **settings)
    assert before == {path.name: path.read_bytes() for path in train.folder.iterdir() if path.is_file()}


def test_an_early_stop_is_said_and_can_be_accepted(make, train):
    with pytest.raises(EarlyStop):
        train(make(easy=True))
    told = report(train.folder)
    assert told["outcome"] == "stopped early" and told["reason"].startswith("EarlyStop: ")
    assert 0 < told["stages"] == told["stages_finished"] < make(easy=True).stages
    train(make(easy=True), accept_early_stop=True)
    assert report(train.folder)["stages"] == told["stages"]


def test_the_folder_is_for_one_training_at_a_time(make, train):
    with sole_use(train.folder), pytest.raises(OutputError, match="Another training is running"):
        train(make())
    assert make().finished(train.folder).stages == 0 and not (train.folder / "training.json").exists()


def test_what_cannot_succeed_is_refused_before_anything_is_written(make, train, samples, tmp_path):
    other = Path(shutil.copytree(samples, tmp_path / "other"))
    few = write_vec, np.zeros((5, H, W), np.uint8)
    wrong = write_vec, np.zeros((200, 10, 10), np.uint8)
    if "vec" not in make().uses:
        few = write_positives, [("0.bmp", [(1, 2, W, H)])]
        wrong = write_positives, [("gone.bmp", [(1, 2, W, H)])]
    file = other / {"vec": "positives.vec", "pictures": "positives.dat"}[make().uses[0]]
    for (write, content), message in ((few, "samples"), (wrong, f"{W}×{H} = {W * H}|dat, line 1: .*gone")):
        write(file, content)
        (other / "ignore.dat").unlink(missing_ok=True)
        with pytest.raises(TrainingError, match=message):
            train(make(), samples=str(other))
    file.unlink()
    with pytest.raises(TrainingError, match=r"There is no (\.vec file|list of pictures)"):
        train(make(), samples=str(other))
    assert not train.folder.exists()


def test_what_it_does_not_use_may_be_of_any_kind(make, train, samples, tmp_path):
    other = Path(shutil.copytree(samples, tmp_path / "other"))
    if "vec" in make().uses:
        (other / "positives.dat").write_text("broken")
    else:
        write_vec(other / "positives.vec", np.zeros((3, 5, 5), np.uint8))
    train(make(stages=1))
    train(make(stages=2), samples=str(other))
    told = report(train.folder)
    assert told["outcome"] == "trained" and set(told["positives"]) == {"samples", *make().uses}


def test_a_folder_that_does_not_exist_holds_nothing(make):
    assert make().finished(Path("nowhere")).stages == 0
