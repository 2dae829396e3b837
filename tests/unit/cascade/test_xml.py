from pathlib import Path

import cv2
import pytest

from cascade.errors import DataError
from cascade.xml import last_stage_threshold, read_cascade, read_if_whole

OURS = Path(__file__).parents[3] / "cascade/models/frontalface_lbp.xml"
HAAR = Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt2.xml"
OLD = """<?xml version="1.0"?>
<opencv_storage><mine type_id="opencv-haar-classifier"><size>20 24</size><stages>
<_><trees><_><_/></_><_><_/></_></trees><stage_threshold>-1.5</stage_threshold><parent>-1</parent></_>
<_><trees><_><_/></_></trees><stage_threshold>0.25</stage_threshold><parent>0</parent></_>
</stages></mine></opencv_storage>"""


def cascade_xml(stages, declared):
    body = "".join("<_><maxWeakCount>1</maxWeakCount></_>" for _ in range(stages))
    number = f"<stageNum>{declared}</stageNum>"
    return f"<opencv_storage><cascade>{number}<stages>{body}</stages></cascade></opencv_storage>"


def hits(path, image):
    """The windows that a cascade takes for a face, in an order that does not depend on threads."""
    return sorted(map(tuple, cv2.CascadeClassifier(str(path)).detectMultiScale(image, 1.1, 0).tolist()))


def test_reads_a_cascade_of_lbp_features():
    cascade = read_cascade(OURS)
    assert (cascade.window, cascade.feature_type) == ((21, 24), "LBP")
    # nested: 665 trees, each stage with those of the one before
    assert (cascade.weak_trees, len(cascade.thresholds)) == ([3, 7, 16, 28, 53, 82, 142, 215, 330, 665], 10)
    assert cascade.parameter("stageParams/boostType") == "GAB" and cascade.parameter("featureParams/mode") is None
    assert cascade.thresholds[-1] == last_stage_threshold(OURS) != 0


def test_reads_the_old_format(tmp_path):
    (tmp_path / "old.xml").write_text(OLD)
    cascade = read_cascade(tmp_path / "old.xml")
    assert (cascade.window, cascade.feature_type) == ((20, 24), "HAAR")
    assert (cascade.thresholds, cascade.weak_trees) == ([-1.5, 0.25], [2, 1])
    assert last_stage_threshold(tmp_path / "old.xml") == 0.25


@pytest.mark.parametrize("path", [OURS, HAAR])
def test_the_first_stages_make_a_cascade_that_opencv_runs(path, tmp_path, astronaut):
    whole = read_cascade(path)
    whole.first_stages(5).write(tmp_path / "short.xml")
    short = read_cascade(tmp_path / "short.xml")
    assert short.thresholds == whole.thresholds[:5] and len(whole.stages) > 5
    found = [
        len(cv2.CascadeClassifier(str(p)).detectMultiScale(astronaut, 1.1, 0)) for p in (path, tmp_path / "short.xml")
    ]
    assert 0 < found[0] < found[1]


def test_what_is_written_detects_as_before(tmp_path, astronaut):
    read_cascade(OURS).write(tmp_path / "again.xml")
    assert hits(OURS, astronaut) == hits(tmp_path / "again.xml", astronaut)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (None, None),
        ("", None),
        ("<opencv_storage/>", None),
        ("<html><a/></html>", None),
        (cascade_xml(0, 0), 0),
        (cascade_xml(3, 3), 3),
        (cascade_xml(2, 3), None),
        (cascade_xml(3, 3)[:90], None),
    ],
)
def test_counts_stages_and_is_safe_with_damage(tmp_path, content, count):
    path = tmp_path / "cascade.xml"
    if content is not None:
        path.write_text(content)
    read = read_if_whole(path)
    assert (len(read.stages) if read else None) == count
    assert last_stage_threshold(path) == 0.0
    if count is None:
        with pytest.raises(DataError, match=r"cascade\.xml"):
            read_cascade(path)
