import dataclasses
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from cascade.command import CONFIGS
from cascade.errors import ConfigError
from cascade.opencv.options import TrainOptions, buffer_bytes, check_requirements, count_features
from cascade.training.trainer import Inputs


def test_every_option_is_spelt_out():
    arguments = TrainOptions(numThreads=2, baseFormatSave=True).arguments("d", "v", "b")
    names = {argument[1:] for argument in arguments if re.match(r"-[a-zA-Z]", argument)}
    assert names == {"data", "vec", "bg"} | {field.name for field in dataclasses.fields(TrainOptions)}
    assert arguments[arguments.index("-minHitRate") + 1] == "0.995"
    assert "-mode" not in TrainOptions(featureType="LBP").arguments("d", "v", "b")


@pytest.mark.parametrize(
    "wrong",
    [
        {"bt": "XX"},
        {"mode": "all"},
        {"featureType": "haar"},
        {"numPos": 0},
        {"minHitRate": 0.0},
        {"maxFalseAlarmRate": 1.5},
        {"w": 7},
        {"numThreads": -1},
        {"baseFormatSave": True, "featureType": "LBP"},
        {"numNeg": "many"},
        {"numStages": 1.5},
        {"baseFormatSave": 1},
    ],
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainOptions(**wrong)


@pytest.mark.parametrize(
    ("positives", "rate", "stages", "needed"),
    [(500, 0.999, 20, 500), (1000, 0.995, 20, 1095), (6500, 0.998, 16, 6695), (200, 0.9, 3, 240)],
)
def test_positives_needed(positives, rate, stages, needed):
    assert TrainOptions(numPos=positives, minHitRate=rate, numStages=stages).positives_needed == needed


def test_features_of_the_usual_window():
    """162,336 is the known number of the five upright shapes in 24×24 pixels."""
    assert count_features(TrainOptions()) == 162336
    assert count_features(TrainOptions(featureType="LBP")) == 8464


def test_buffers_are_no_larger_than_what_they_hold():
    small = TrainOptions(numPos=10, numNeg=10, featureType="LBP")
    assert buffer_bytes(small, 8464) == 4 * 20 * 8464 + 4 * 20 * 25 * 25
    large = TrainOptions(numPos=40000, numNeg=40000)
    assert buffer_bytes(large, 162336) == (1024 + 2 * 1024) * 2**20 + 8 * 80000 * 625


def test_the_config_has_every_option_with_the_binarys_default():
    config = OmegaConf.to_container(OmegaConf.load(CONFIGS / "cascade/trainer/opencv.yaml"))["options"]
    assert config.pop("_target_") == f"{TrainOptions.__module__}.{TrainOptions.__name__}"
    assert config == dataclasses.asdict(TrainOptions())


def checked(samples, windows=10**9, **options):
    inputs = Inputs(Path("a.vec"), Path("bg.txt"), (24, 24), samples, [Path("a.png")], windows)
    return check_requirements(inputs, TrainOptions(numPos=1000, featureType="LBP", **options))


def test_enough_of_everything():
    found = checked(2000)
    assert (found.errors, found.warnings) == ([], [])
    assert found.about == {"features": 8464, "buffers_mb": 69} and "8464 features" in found.summary


def test_too_few_positives():
    (error,) = checked(1094).errors
    assert "a.vec holds 1094 samples, the training may need 1095 (numPos 1000 + 19 stages × 5" in error
    assert "options.numPos=969 or less" in error
    assert checked(1100).errors == [] and "1115 be needed" in checked(1100).warnings[0]


def test_too_few_negatives():
    assert "fewer than numNeg 1000" in checked(2000, windows=999).errors[0]
    assert "some 5.2e+08 windows" in checked(2000, windows=10**6).warnings[0]


def test_memory(monkeypatch):
    monkeypatch.setattr("cascade.opencv.options.available_memory", lambda: 80 * 2**20)
    assert "Lower options.precalcValBufSize" in checked(2000).warnings[0]
    monkeypatch.setattr("cascade.opencv.options.available_memory", lambda: 60 * 2**20)
    assert "The buffers need 69 of 60 MB" in checked(2000).errors[0]
