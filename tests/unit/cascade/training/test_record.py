import math

from cascade.training.record import StageTable, read_stages
from cascade.training.trainer import Stage

# as it was written when the figures were those of OpenCV's trainer alone
TABLE = """\
index,positives,positives_consumed,negatives,acceptance_ratio,weak,hit_rate,false_alarm_rate,seconds
0,150,150,150,1.0,2,1.0,0.0133333,0.017
1,150,151,150,0.0142045,3,0.993333,nan,0.02
"""


def test_stages_trained_anew_replace_their_rows(tmp_path):
    table = StageTable(tmp_path)
    for index, weak in ((0, 3), (1, 4), (2, 5), (1, 9)):
        table.stage_finished(Stage(index, own={"weak": weak}, finished=True))
    assert [(stage.index, stage.own) for stage in read_stages(tmp_path / "stages.csv")] == [
        (0, {"weak": 3}),
        (1, {"weak": 9}),
    ]
    assert read_stages(tmp_path / "none.csv") == []


def test_a_table_is_read_and_written_as_it_was(tmp_path):
    (tmp_path / "stages.csv").write_text(TABLE)
    first, second = read_stages(tmp_path / "stages.csv")
    assert first == Stage(0, 150, 150, 150, 1.0, {"weak": 2}, 1.0, 0.0133333, 0.017, finished=True)
    assert math.isnan(second.false_alarm_rate) and second.rounds == 3
    StageTable(tmp_path).stage_finished(second)
    assert (tmp_path / "stages.csv").read_text() == TABLE


def test_every_trainer_has_figures_of_its_own(tmp_path):
    stage = Stage(0, 9, own={"epochs": 12, "loss": 0.125}, finished=True)
    StageTable(tmp_path).stage_finished(stage)
    (read,) = read_stages(tmp_path / "stages.csv")
    assert read.own == {"epochs": 12, "loss": 0.125} and read.rounds == 12
