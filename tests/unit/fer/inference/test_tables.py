import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from omegaconf import OmegaConf

from cascade.errors import ConfigError, OutputError
from fer.inference.faces import FrameFaces
from fer.inference.frames import Frame
from fer.inference.join import join, join_configured
from fer.inference.sinks.sink import RunContext, Seen
from fer.inference.sinks.table import TableSink
from fer.inference.sources import Picture
from fer.inference.tables import Outcome, read_outcomes, write_json
from tests.conftest import ROOT

CLASSES = ("calm", "tense")
JOB = {"source": "x", "shard": {"index": 0, "count": 1}}


def context(folder: Path, job: dict = JOB) -> RunContext:
    return RunContext(folder, SimpleNamespace(classes=CLASSES), job)


def seen(table: TableSink, name: str, frame: int = 0, time_s: float | None = None, count: int = 1) -> None:
    """Let a table take a frame with faces."""
    faces = FrameFaces(
        boxes=np.array([[1, 2, 30, 40]] * count, np.float32),
        scores=np.full(count, 5.5, np.float32),
        probabilities=np.array([[0.25, 0.75]] * count, np.float32),
        classes=CLASSES,
        frame=frame,
        time_s=time_s,
        track_ids=None if time_s is None else np.full(count, 3),
        unsure_below=0.8,
    )
    table.take(Seen(table.run, Picture(Path(name), name), Frame(np.zeros((50, 50), np.uint8)), faces))


def read_faces(folder: Path) -> list[dict[str, str]]:
    with (folder / "faces.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_and_json_say_the_same(tmp_path: Path):
    with TableSink(context(tmp_path)) as table:
        seen(table, 'odd, "name".jpg')
        table.finish(Outcome('odd, "name".jpg', 1, 1))
        seen(table, "clip.mp4", 7, 0.28)
        table.finish(Outcome("clip.mp4", 9, 1, "cut off"))
    rows = read_faces(tmp_path)
    assert [row["source"] for row in rows] == ['odd, "name".jpg', "clip.mp4"]
    assert rows[1]["frame"] == "7" and rows[1]["time_s"] == "0.280" and rows[1]["track_id"] == "3"
    assert rows[0]["label"] == "tense" and rows[0]["unsure"] == "true"
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
        "unsure": True,
        "probabilities": {"calm": 0.25, "tense": 0.75},
    }


def test_resuming_drops_the_rows_of_what_was_not_finished(tmp_path: Path):
    with TableSink(context(tmp_path), json=False) as table:
        seen(table, "a.jpg")
        table.finish(Outcome("a.jpg", 1, 1))
        seen(table, "clip.mp4", 0, 0.1)
        seen(table, "clip.mp4", 1, 0.2)  # interrupted here
    assert not (tmp_path / "faces.json").exists()
    with TableSink(context(tmp_path)):
        assert set(read_outcomes(tmp_path)) == {"a.jpg"}
        assert [row["source"] for row in read_faces(tmp_path)] == ["a.jpg"]


def test_another_runs_folder_is_refused(tmp_path: Path):
    with TableSink(context(tmp_path)):
        pass
    with pytest.raises(OutputError, match="its source differ"), TableSink(context(tmp_path, {**JOB, "source": "y"})):
        pass


def test_a_table_of_an_earlier_version_is_refused(tmp_path: Path):
    """It had no column `unsure`; its probabilities would be taken for other classes'."""
    with TableSink(context(tmp_path)) as table:
        seen(table, "a.jpg")
        table.finish(Outcome("a.jpg", 1, 1))
    text = (tmp_path / "faces.csv").read_text()
    (tmp_path / "faces.csv").write_text(text.replace(",unsure,", ",").replace(",true,", ","))
    with pytest.raises(OutputError, match=r"faces\.csv was written by another version"):
        write_json(tmp_path)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from cascade.errors import OutputError
from fer.inference.sinks.table import TableSink
from fer.inference.tables import Outcome
from tests.unit.fer.inference.test_tables import context, seen
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with TableSink(context(Path(sys.argv[1])), json=False) as table:
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    try:
        for index in range(1000):
            seen(table, f"{index}.jpg", count=3)
            table.finish(Outcome(f"{index}.jpg", 1, 3))
    except OutputError as error:
        assert "cannot be written any further" in str(error), error
        sys.exit(9)
"""


def test_a_full_disk_leaves_whole_rows(tmp_path: Path):
    """A limit on the size of files stands in for the full disk: writes stop in the middle of a block."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 9
    rows = read_faces(tmp_path)
    assert len(rows) % 3 == 0 and len(rows) > 30
    assert all(row["tense"] == "0.750000" for row in rows)
    assert len(rows) == 3 * len(read_outcomes(tmp_path))


def shard(folder: Path, index: int, count: int, **changed: object) -> Path:
    job = {"source": "x", "inputs": 1, **changed, "shard": {"index": index, "count": count}}
    with TableSink(context(folder / str(index), job)) as table:
        seen(table, f"{index}.jpg")
        table.finish(Outcome(f"{index}.jpg", 1, 1, "bad" if index == 1 else ""))
        seen(table, "unfinished.mp4", 0, 0.1)
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


def test_a_shard_that_is_there_twice_is_named(tmp_path: Path):
    with pytest.raises(OutputError, match="shard 0 is there twice"):
        join([shard(tmp_path / "a", 0, 2), shard(tmp_path / "b", 0, 2)], tmp_path / "joined")


def test_a_shard_is_not_joined_into_itself(tmp_path: Path):
    folders = [shard(tmp_path, index, 2) for index in range(2)]
    before = read_faces(folders[0])
    with pytest.raises(OutputError, match="is one of the shards"):
        join(folders, folders[0])
    assert read_faces(folders[0]) == before


def test_an_interrupted_shard_is_named(tmp_path: Path):
    with pytest.raises(OutputError, match=r"shard 1, was interrupted after 1 of 7 inputs; go on with resume="):
        join([shard(tmp_path, 0, 2), shard(tmp_path, 1, 2, inputs=7)], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize(
    ("table", "row"),
    [("inputs.csv", "1.jpg,one,2,"), ("inputs.csv", "short"), ("faces.csv", "1.jpg,0,,,1,2,3,4,5,calm")],
)
def test_damaged_tables_leave_an_earlier_join_as_it_was(tmp_path: Path, table: str, row: str):
    folders = [shard(tmp_path, index, 2) for index in range(2)]
    join(folders, tmp_path / "joined")
    before = {path.name: path.read_bytes() for path in (tmp_path / "joined").iterdir()}
    with (folders[1] / table).open("a") as file:
        file.write(row + "\n")
    with pytest.raises(OutputError, match=rf"{table} is damaged"):
        join(folders, tmp_path / "joined")
    assert {path.name: path.read_bytes() for path in (tmp_path / "joined").iterdir()} == before


def test_a_folder_with_something_else_is_not_joined_into(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep")
    with pytest.raises(OutputError, match="was not made by joining"):
        join([shard(tmp_path, 0, 1)], tmp_path / "mine")
    assert (tmp_path / "mine/notes.txt").read_text() == "keep"


def test_no_spreadsheet_takes_a_name_for_a_formula(tmp_path: Path):
    names = ["=1+1.jpg", "-x.jpg", "'=quoted.jpg", "@home/+1.png", "'plain.jpg", "plain.jpg"]
    with TableSink(context(tmp_path, {**JOB, "guard_cells": True})) as table:
        for name in names:
            seen(table, name)
            table.finish(Outcome(name, 1, 1, "=bad" if name == "-x.jpg" else ""))
    with (tmp_path / "faces.csv").open(newline="") as faces, (tmp_path / "inputs.csv").open(newline="") as inputs:
        cells = [cell for file in (faces, inputs) for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]
    assert list(read_outcomes(tmp_path)) == names and read_outcomes(tmp_path)["-x.jpg"].error == "=bad"
    data = json.loads((tmp_path / "faces.json").read_text())
    assert [face["source"] for face in data["faces"]] == names


def test_a_table_whose_columns_are_gone_is_damaged(tmp_path: Path):
    folder = shard(tmp_path, 0, 1)
    (folder / "inputs.csv").write_bytes(b"")
    with pytest.raises(OutputError, match=r"inputs\.csv is damaged"):
        read_outcomes(folder)


def test_any_name_of_a_file_is_a_cell(tmp_path: Path):
    names = ["a\rb.jpg", "a\nb.jpg", "a\r\nb.jpg", '",".jpg', "\udcff.jpg"]
    for resumed in (False, True):
        with TableSink(context(tmp_path)) as table:
            for name in () if resumed else names:
                seen(table, name)
                table.finish(Outcome(name, 1, 1))
        assert list(read_outcomes(tmp_path)) == names
        assert [face["source"] for face in json.loads((tmp_path / "faces.json").read_text())["faces"]] == names


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.splitlines()[0] + "\n",
        lambda text: text.replace("0.jpg", "other.jpg"),
        lambda text: text.replace("0.jpg", '"0.jpg'),
        lambda text: text.replace("calm", "bored"),
        lambda text: text.replace("0.250000", "nan"),
    ],
    ids=["no rows", "another name", "a stray quote", "another class", "no number"],
)
def test_tables_that_were_edited_are_not_gone_on_with_in_silence(tmp_path: Path, edit):
    folder = shard(tmp_path, 0, 1)
    (folder / "faces.csv").write_text(edit((folder / "faces.csv").read_text()))
    job = {"source": "x", "inputs": 1, "shard": {"index": 0, "count": 1}}
    with (
        pytest.raises(OutputError, match=r"faces\.csv (is damaged|has other columns)"),
        TableSink(context(folder, job)),
    ):
        pass
    if "calm" in (folder / "faces.csv").read_text():
        with pytest.raises(OutputError, match=r"faces\.csv is damaged"):
            join([folder], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize("text", ["null", "[]", "5", "[" * 100_000, "{", '{"shard": {"index": 0, "count": 0}}'])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str):
    folder = shard(tmp_path, 0, 1)
    (folder / "job.json").write_text(text)
    with pytest.raises(OutputError, match=r"job\.json"):
        join([folder], tmp_path / "joined")


def test_what_other_runs_left_is_not_joined_into(tmp_path: Path):
    other = shard(tmp_path / "other", 0, 1)
    before = (other / "faces.csv").read_bytes()
    with pytest.raises(OutputError, match="was not made by joining"):
        join([shard(tmp_path, 0, 1)], other)
    assert (other / "faces.csv").read_bytes() == before


def test_of_many_missing_shards_some_are_named(tmp_path: Path):
    with pytest.raises(OutputError) as caught:
        join([shard(tmp_path, 0, 30_000_000)], tmp_path / "joined")
    assert "missing: 1, 2, 3" in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize("folders", [5.5, None, [], [["a"]], {"a": 1}])
def test_what_cannot_be_folders_is_told(folders):
    with pytest.raises(ConfigError, match="folders is"):
        join_configured(OmegaConf.create({"folders": folders, "output": None}))
