import re
from pathlib import Path

import cv2
import numpy as np

from cascade.drawn.scenes import render_scene
from fer.inference import ExpressionRecognizer
from fer.inference.report import SHOWN, FaceGroups, folder_report, timeline
from fer.inference.sinks.report import _Track


def face(label: str, share: float, source: str = "a.png") -> dict:
    shares = {"happy": share, "sad": 1 - share} if label == "happy" else {"happy": 1 - share, "sad": share}
    return {"source": source, "box": [10, 10, 40, 40], "label": label, "unsure": False, "probabilities": shares}


def test_the_surest_and_the_least_sure_are_kept_each_once():
    groups = FaceGroups()
    shares = np.random.default_rng(0).permutation(np.linspace(0.5, 1, 60))
    for share in shares:
        groups.add(face("happy", float(share)))
    ordered = sorted(shares)
    assert [one["probabilities"]["happy"] for one in groups.surest("happy")] == ordered[: -SHOWN - 1 : -1]
    assert [one["probabilities"]["happy"] for one in groups.least_sure("happy")] == ordered[:SHOWN]
    for share in (0.7, 0.6):
        groups.add(face("sad", share))
    assert len(groups.surest("sad")) == 2 and groups.least_sure("sad") == []
    assert groups.counts == {"happy": 60, "sad": 2}


def test_a_page_needs_no_other_file_and_runs_nothing_that_a_name_says(tmp_path: Path):
    name = "<script>alert(1)</script>.png"
    (tmp_path / "<script>alert(1)<").mkdir()
    cv2.imwrite(str(tmp_path / "<script>alert(1)<" / "script>.png"), render_scene(0, 0).image)
    groups = FaceGroups()
    groups.add(face("happy", 0.9, name))
    groups.add(face("sad", 0.8, "gone.png"))
    failed = {"b.png": "<b>b.png is damaged\x1b[31m"}
    page = folder_report("<i>", groups, 3, failed, ExpressionRecognizer(), tmp_path)
    assert "<script" not in page and "<b>" not in page and "<i>" not in page and "\x1b" not in page
    assert "2 faces in 3 pictures, 1 of which could not be read" in page
    assert page.count("data:image/jpeg;base64,") == 1  # the other picture is gone
    assert not re.search(r"(src|href)=['\"]?(?!'?data:)", page)
    assert "base64" not in folder_report("x", groups, 3, {}, ExpressionRecognizer(), None)


def test_a_timeline_has_a_row_per_face_and_gaps_where_it_was_not_seen():
    times = np.concatenate([np.arange(0, 2, 0.04), np.arange(5, 6, 0.04)])
    shares = np.tile(np.float32([0.25, 0.75]), (len(times), 1))
    figure = timeline("$film", {1: (times, shares), 4: (times[:1], shares[:1])}, ("happy", "sad"), {})
    rows = [axes for axes in figure.axes if axes.collections]
    assert len(rows) == 2 and len(rows[0].collections) == 4 and len(rows[1].collections) == 2
    figure.savefig("/dev/null", format="png")
    assert timeline("none", {}, ("happy",), {}) is not None


def test_a_long_film_is_thinned_out_evenly_and_its_longest_faces_are_kept():
    track = _Track()
    shares = np.float32([0.25, 0.75])
    for frame in range(50_000):
        track.add(frame / 25, shares)
    assert 2000 <= len(track.times) == len(track.shares) <= 4000
    assert set(np.diff(track.times).round(4)) == {0.64} and (track.seen, track.last) == (50_000, 49_999 / 25)
