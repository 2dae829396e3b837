import pytest

from cascade.errors import TrainingError
from cascade.opencv.options import TrainOptions
from cascade.training.result_folder import check_unchanged, count_finished, describe, remove_unfinished, write_record

PARAMETERS = """<?xml version="1.0"?>
<opencv_storage><params><featureType>HAAR</featureType><height>24</height>
<width>24</width><stageParams><boostType>GAB</boostType><minHitRate>9.9500000476837158e-01</minHitRate>
<maxFalseAlarm>5.0000000000000000e-01</maxFalseAlarm><maxDepth>1</maxDepth></stageParams>
<featureParams><mode>BASIC</mode></featureParams></params></opencv_storage>"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "params.xml").write_text(PARAMETERS)
    for index in range(3):
        (tmp_path / f"stage{index}.xml").write_text("<a/>")
    return tmp_path


def test_same_settings_go_on(folder, tmp_path):
    training = describe(TrainOptions(), tmp_path / "a.vec", [])
    write_record(folder, training)
    check_unchanged(folder, training)
    check_unchanged(folder, describe(TrainOptions(numStages=25, numThreads=3), tmp_path / "a.vec", []))


@pytest.mark.parametrize("change", [{"numStages": 10}, {"maxDepth": 2}, {"minHitRate": 0.9}, {"bt": "RAB"}])
@pytest.mark.parametrize("recorded", [True, False])
def test_other_settings_are_refused(folder, tmp_path, change, recorded):
    if recorded:
        write_record(folder, describe(TrainOptions(), tmp_path / "a.vec", []))
    elif "numStages" in change:  # params.xml does not tell how many were asked for
        check_unchanged(folder, describe(TrainOptions(**change), tmp_path / "a.vec", []))
        return
    with pytest.raises(TrainingError, match=f"options.{next(iter(change))}: .* → "):
        check_unchanged(folder, describe(TrainOptions(**change), tmp_path / "a.vec", []))


def test_trained_by_hand_with_the_same_settings(folder, tmp_path):
    check_unchanged(folder, describe(TrainOptions(), tmp_path / "a.vec", []))


def test_other_samples_are_refused(folder, tmp_path):
    (tmp_path / "a.vec").write_bytes(b"1")
    write_record(folder, describe(TrainOptions(), tmp_path / "a.vec", [tmp_path / "x.png"]))
    (tmp_path / "a.vec").write_bytes(b"2")
    with pytest.raises(TrainingError, match=r"vec: .*other content") as caught:
        check_unchanged(folder, describe(TrainOptions(), tmp_path / "a.vec", []))
    assert "negatives: 1 → 0" in str(caught.value)


def test_without_finished_stages_anything_may_change(tmp_path):
    write_record(tmp_path, describe(TrainOptions(), tmp_path / "a.vec", []))
    check_unchanged(tmp_path, describe(TrainOptions(maxDepth=4), tmp_path / "a.vec", []))


def test_stages_after_a_broken_one_go(folder):
    (folder / "stage1.xml").write_text("<a>")
    assert count_finished(folder) == 1
    assert [path.name for path in remove_unfinished(folder)] == ["stage1.xml", "stage2.xml"]
    assert (folder / "stage0.xml").exists() and count_finished(folder) == 1


def test_without_parameters_there_are_no_stages(folder):
    (folder / "params.xml").write_text("<a>")
    assert count_finished(folder) == 0
    assert len(remove_unfinished(folder)) == 3 and not (folder / "params.xml").exists()
