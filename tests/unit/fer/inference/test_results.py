import json
import subprocess
import sys
from pathlib import Path

import pytest

from cascade.errors import OutputError
from fer.inference.faces import Face
from fer.inference.join import join
from fer.inference.results import Input, Results, read_faces, read_inputs

CLASSES = ("calm", "tense")
JOB = {"source": "x", "shard": {"index": 0, "count": 1}}


def face(frame: int = 0, time_s: float | None = None) -> Face:
    return Face((1, 2, 30, 40), 5.5, "tense", {"calm": 0.25, "tense": 0.75}, frame, time_s, 3 if time_s else None)


def test_tables_and_json_say_the_same(tmp_path: Path):
    results = Results(tmp_path, CLASSES, JOB)
    results.add('odd, "name".jpg', [face()])
    results.finish(Input('odd, "name".jpg', 1, 1))
    results.add("clip.mp4", [face(7, 0.28)])
    results.finish(Input("clip.mp4", 9, 1, "cut off"))
    results.close()
    rows = list(read_faces(tmp_path))
    assert [row["source"] for row in rows] == ['odd, "name".jpg', "clip.mp4"]
    assert rows[1]["frame"] == "7" and rows[1]["time_s"] == "0.280" and rows[1]["track_id"] == "3"
    assert float(rows[0]["calm"]) + float(rows[0]["tense"]) == 1
    data = json.loads((tmp_path / "faces.json").read_text())
    assert data["job"] == JOB
    assert [i["error"] for i in data["inputs"]] == ["", "cut off"]
    assert data["faces"][0] == {
        "source": 'odd, "name".jpg',
        "frame": 0,
        "time_s": None,
        "track_id": None,
        "box": [1, 2, 30, 40],
        "score": 5.5,
        "label": "tense",
        "probabilities": {"calm": 0.25, "tense": 0.75},
    }


def test_resuming_drops_the_rows_of_what_was_not_finished(tmp_path: Path):
    results = Results(tmp_path, CLASSES, JOB)
    results.add("a.jpg", [face()])
    results.finish(Input("a.jpg", 1, 1))
    results.add("clip.mp4", [face(0, 0.1), face(1, 0.2)])
    results.close(with_json=False)  # interrupted here
    again = Results(tmp_path, CLASSES, JOB)
    assert set(again.done) == {"a.jpg"}
    assert [row["source"] for row in read_faces(tmp_path)] == ["a.jpg"]
    again.close()


def test_another_runs_folder_is_refused(tmp_path: Path):
    Results(tmp_path, CLASSES, JOB).close()
    with pytest.raises(OutputError, match="its source differ"):
        Results(tmp_path, CLASSES, {**JOB, "source": "y"})


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from cascade.errors import OutputError
from fer.inference.faces import Face
from fer.inference.results import Results, Input
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
results = Results(folder, ("calm", "tense"), {"shard": {"index": 0, "count": 1}})
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    for index in range(1000):
        results.add(f"{index}.jpg", [Face((1, 2, 3, 4), 5, "calm", {"calm": 1.0, "tense": 0.0})] * 3)
        results.finish(Input(f"{index}.jpg", 1, 3))
except OutputError as error:
    assert "cannot be written any further" in str(error), error
    sys.exit(9)
"""


def test_a_full_disk_leaves_whole_rows(tmp_path: Path):
    """A limit on the size of files stands in for the full disk: writes stop in the middle of a block."""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    assert subprocess.run(command, cwd=root, check=False).returncode == 9
    rows = list(read_faces(tmp_path))
    assert len(rows) % 3 == 0 and len(rows) > 30
    assert all(row["tense"] == "0.000000" for row in rows)
    assert len(rows) == 3 * len(read_inputs(tmp_path))


def shard(folder: Path, index: int, count: int, **changed: str) -> Path:
    job = {"source": "x", **changed, "shard": {"index": index, "count": count}}
    results = Results(folder / str(index), CLASSES, job)
    results.add(f"{index}.jpg", [face()])
    results.finish(Input(f"{index}.jpg", 1, 1, "bad" if index == 1 else ""))
    results.add("unfinished.mp4", [face(0, 0.1)])
    results.close()
    return folder / str(index)


def test_shards_are_joined(tmp_path: Path):
    folders = [shard(tmp_path, index, 3) for index in (2, 0, 1)]
    assert join(folders, tmp_path / "joined") == (3, 1)
    assert [row["source"] for row in read_faces(tmp_path / "joined")] == ["0.jpg", "1.jpg", "2.jpg"]
    data = json.loads((tmp_path / "joined/faces.json").read_text())
    assert len(data["faces"]) == len(data["inputs"]) == 3


def test_a_missing_shard_is_named(tmp_path: Path):
    with pytest.raises(OutputError, match="of 3 shards these are missing: 1"):
        join([shard(tmp_path, 0, 3), shard(tmp_path, 2, 3)], tmp_path / "joined")


def test_shards_of_different_runs_are_refused(tmp_path: Path):
    with pytest.raises(OutputError, match="another source or other settings"):
        join([shard(tmp_path, 0, 2), shard(tmp_path, 1, 2, source="y")], tmp_path / "joined")
