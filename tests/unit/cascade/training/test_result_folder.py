import json

import pytest

from cascade.errors import TrainingError
from cascade.opencv.options import TrainOptions
from cascade.opencv.trainer import OpenCVTrainer
from cascade.training.result_folder import check_unchanged, describe, write_record
from cascade.training.trainer import Inputs

PARAMETERS = """<?xml version="1.0"?>
<opencv_storage><params><featureType>HAAR</featureType><height>24</height>
<width>24</width><stageParams><boostType>GAB</boostType><minHitRate>9.9500000476837158e-01</minHitRate>
<maxFalseAlarm>5.0000000000000000e-01</maxFalseAlarm><maxDepth>1</maxDepth></stageParams>
<featureParams><mode>BASIC</mode></featureParams></params></opencv_storage>"""


@pytest.fixture
def folder(tmp_path):
    """Three finished stages of OpenCV's trainer."""
    (tmp_path / "params.xml").write_text(PARAMETERS)
    for index in range(3):
        (tmp_path / f"stage{index}.xml").write_text(f"<opencv_storage><stage{index}/></opencv_storage>")
    return tmp_path


def described(folder, negatives=(), **options):
    trainer = OpenCVTrainer(TrainOptions(**options))
    return trainer, describe(trainer, Inputs(folder / "a.vec", folder / "bg.txt", (24, 24), negatives=list(negatives)))


def test_same_settings_go_on(folder):
    trainer, training = described(folder)
    write_record(folder, training)
    check_unchanged(folder, trainer, training)
    check_unchanged(folder, *described(folder, numStages=25, numThreads=3))


@pytest.mark.parametrize("change", [{"numStages": 10}, {"maxDepth": 2}, {"minHitRate": 0.9}, {"bt": "RAB"}])
@pytest.mark.parametrize("recorded", [True, False])
def test_other_settings_are_refused(folder, change, recorded):
    if recorded:
        write_record(folder, described(folder)[1])
    elif "numStages" in change:  # params.xml does not tell how many were asked for
        check_unchanged(folder, *described(folder, **change))
        return
    with pytest.raises(TrainingError, match=f"options.{next(iter(change))}: .* → "):
        check_unchanged(folder, *described(folder, **change))


def test_trained_by_hand_with_the_same_settings(folder):
    check_unchanged(folder, *described(folder))


def test_other_samples_are_refused(folder):
    (folder / "a.vec").write_bytes(b"1")
    write_record(folder, described(folder, [folder / "x.png"])[1])
    (folder / "a.vec").write_bytes(b"2")
    with pytest.raises(TrainingError, match=r"vec: .*other content") as caught:
        check_unchanged(folder, *described(folder))
    assert "negatives: 1 → 0" in str(caught.value)


def test_a_record_of_earlier_versions_counts(folder):
    training = described(folder)[1]
    del training["trainer"]
    (folder / "training.json").write_text(json.dumps(training))
    check_unchanged(folder, *described(folder))


def test_another_trainer_is_refused(folder):
    write_record(folder, described(folder)[1] | {"trainer": "boost"})
    with pytest.raises(TrainingError, match="trainer=boost"):
        check_unchanged(folder, *described(folder))


def test_without_finished_stages_anything_may_change(tmp_path):
    write_record(tmp_path, described(tmp_path)[1])
    check_unchanged(tmp_path, *described(tmp_path, maxDepth=4))
