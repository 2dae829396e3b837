import dataclasses
import re

import pytest

from cascade.errors import ConfigError
from cascade.opencv.options import TrainOptions
from cascade.training.preflight import buffer_bytes, count_features, count_windows


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


def test_windows_of_a_picture():
    assert count_windows(24, 24, 24, 24) == 1
    assert count_windows(48, 24, 24, 24) == 3
