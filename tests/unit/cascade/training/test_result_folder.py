import json

import pytest

from cascade.errors import TrainingError
from cascade.opencv.options import TrainOptions
from cascade.opencv.trainer import OpenCVTrainer
from cascade.samples.lists import write_positives
from cascade.training.result_folder import begin_or_continue
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


def begin(folder, negatives=(), **options):
    inputs = Inputs(folder / "a.vec", folder / "bg.txt", (24, 24), negatives=list(negatives))
    begin_or_continue(folder, OpenCVTrainer(TrainOptions(**options)), inputs)


def test_same_settings_go_on(folder):
    begin(folder)
    begin(folder)
    begin(folder, numStages=25, numThreads=3)


@pytest.mark.parametrize("change", [{"numStages": 10}, {"maxDepth": 2}, {"minHitRate": 0.9}, {"bt": "RAB"}])
@pytest.mark.parametrize("recorded", [True, False])
def test_other_settings_are_refused(folder, change, recorded):
    if recorded:
        begin(folder)
    elif "numStages" in change:  # params.xml does not tell how many were asked for
        begin(folder, **change)
        return
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TrainingError, match=f"options.{next(iter(change))}: .* → "):
        begin(folder, **change)
    assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_trained_by_hand_with_the_same_settings(folder):
    begin(folder)


def test_other_samples_are_refused(folder):
    (folder / "a.vec").write_bytes(b"1")
    begin(folder, [folder / "x.png"])
    (folder / "a.vec").write_bytes(b"2")
    with pytest.raises(TrainingError, match=r"vec: .*other content") as caught:
        begin(folder)
    assert "negatives: 1 → 0" in str(caught.value)


def edit_record(folder, change):
    record = folder / "training.json"
    training = json.loads(record.read_text())
    change(training)
    record.write_text(json.dumps(training))


def test_a_record_of_earlier_versions_counts(folder):
    begin(folder)
    edit_record(folder, lambda training: training.pop("trainer"))
    begin(folder)
    with pytest.raises(TrainingError, match="maxDepth"):
        begin(folder, maxDepth=2)


def test_another_trainer_is_refused(folder):
    begin(folder)
    edit_record(folder, lambda training: training.update(trainer="boost"))
    with pytest.raises(TrainingError, match="trainer=boost"):
        begin(folder)


def test_without_finished_stages_anything_may_change(tmp_path):
    begin(tmp_path)
    begin(tmp_path, maxDepth=4)


class TestPictures:
    @pytest.fixture
    def begin(self, folder):
        for name in "ab":
            (folder / f"{name}.png").write_bytes(b"1")
        write_positives(folder / "positives.dat", [("a.png", [(0, 0, 9, 9)]), ("b.png", [(0, 0, 9, 9)])])
        write_positives(folder / "ignore.dat", [("a.png", [(2, 2, 3, 3)])])

        def run(vec="a.vec", pictures=folder / "positives.dat", ignore=folder / "ignore.dat", uses=None):
            trainer = OpenCVTrainer(TrainOptions())
            trainer.uses = uses or ("pictures", "ignore")
            inputs = Inputs(folder / vec, folder / "bg.txt", (24, 24), pictures=pictures, ignore=ignore)
            begin_or_continue(folder, trainer, inputs)

        return run

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda folder: write_positives(folder / "positives.dat", [("a.png", [(0, 0, 9, 9)])]), "pictures"),
            (lambda folder: write_positives(folder / "ignore.dat", [("a.png", [(2, 2, 3, 4)])]), "ignore"),
            (lambda folder: (folder / "b.png").write_bytes(b"12"), "pictures"),
        ],
    )
    def test_others_are_refused_to_those_who_use_them(self, begin, folder, change, message):
        begin()
        change(folder)
        with pytest.raises(TrainingError, match=f"{message}: .*other content"):
            begin()

    def test_a_list_more_or_less_is_refused(self, begin):
        begin()
        with pytest.raises(TrainingError, match=r"ignore: .*ignore\.dat → None"):
            begin(ignore=None)

    def test_the_vec_may_change_for_those_who_do_not_use_it(self, begin, folder):
        begin()
        (folder / "b.vec").write_bytes(b"2")
        begin(vec="b.vec")

    def test_the_lists_may_change_for_those_who_do_not_use_them(self, begin, folder):
        begin(uses=("vec",))
        (folder / "positives.dat").write_text("changed")
        begin(uses=("vec",), ignore=None)

    def test_a_record_without_the_lists_counts(self, begin, folder):
        begin()
        edit_record(folder, lambda training: [training.pop(f"pictures{end}") for end in ("", "_sha256")])
        begin()
