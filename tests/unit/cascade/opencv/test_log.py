import math
from dataclasses import replace

import pytest

from cascade.errors import EarlyStop, TrainingError
from cascade.opencv.log import TrainingLog, diagnose
from cascade.opencv.options import TrainOptions
from cascade.training.trainer import Inputs, Stage

OUTPUT = """\
Number of unique features given windowSize [21,24] : 6440

===== TRAINING 0-stage =====
<BEGIN
POS current samples: 1
POS count : consumed   500 : 502
NEG current samples: 77
NEG count : acceptanceRatio    400 : 1.25e-05
Precalculation time: 1
+----+---------+---------+
|  N |    HR   |    FA   |
+----+---------+---------+
|   1|        1|        1|
+----+---------+---------+
|   2|    0.996|     0.27|
+----+---------+---------+
END>
Training until now has taken 0 days 0 hours 0 minutes 1 seconds.

===== TRAINING 1-stage =====
<BEGIN
NEG current samples: 3
"""


def feed(text):
    log = TrainingLog()
    kept = [line for line in text.splitlines() if log.feed(line)]
    return log, kept


def test_reads_a_training():
    log, kept = feed(OUTPUT)
    assert replace(log.stages[0], seconds=0.0) == Stage(0, 500, 502, 400, 1.25e-05, {"weak": 2}, 0.996, 0.27, 0.0, True)
    assert log.finished == [log.stages[0]] and not log.stages[1].finished
    assert log.activity == "collecting negatives: 3"
    assert not any("current samples" in line for line in kept) and "END>" in kept


def test_not_a_number():
    assert math.isnan(feed("===== TRAINING 0-stage =====\n|   1|     -nan|     -nan|")[0].stages[0].hit_rate)


def cascade_xml(stages, declared):
    body = "".join("<_><maxWeakCount>1</maxWeakCount></_>" for _ in range(stages))
    number = f"<stageNum>{declared}</stageNum>"
    return f"<opencv_storage><cascade>{number}<stages>{body}</stages></cascade></opencv_storage>"


@pytest.mark.parametrize(
    ("status", "text", "stages", "expected"),
    [
        (0, "", 3, None),
        (0, "", None, TrainingError),  # the disk is full: all stages trained, no cascade.xml
        (0, "", 2, EarlyStop),
        (-9, OUTPUT, None, TrainingError),
        (-6, "what():  std::bad_alloc", None, TrainingError),
        (-11, OUTPUT.replace("<BEGIN\nNEG current samples: 3\n", ""), None, TrainingError),
        (0, "Parameters can not be written, because file x can not be opened.", None, TrainingError),
    ],
)
def test_judges_by_log_and_file(tmp_path, status, text, stages, expected):
    if stages is not None:
        (tmp_path / "cascade.xml").write_text(cascade_xml(stages, stages))
    inputs = Inputs(tmp_path / "a.vec", tmp_path / "bg.txt", (24, 24), 500)
    try:
        failure = diagnose(status, feed(text)[0], TrainOptions(numStages=3), inputs, tmp_path, tmp_path / "the.log")
    except TrainingError as error:
        failure = error
    assert (failure if expected is None else type(failure)) is expected
    assert failure is None or "the.log" in str(failure)
