import os
import subprocess
import sys
from pathlib import Path

import pytest

from cascade.errors import OutputError
from cascade.files import CACHE_VARIABLE, cache_dir, remove_parts, sole_use, whole, write_whole


def test_a_file_appears_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "new folder" / "a.txt"
    with whole(target) as part:
        part.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_what_fails_leaves_the_old_one_and_no_rest(tmp_path: Path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole(target) as part:
        part.write_text("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path):
    target = tmp_path / "folder"
    for name in ("first", "second"):
        with whole(target) as part:
            part.mkdir()
            (part / name).touch()
    assert [path.name for path in target.iterdir()] == ["second"]
    with pytest.raises(OutputError, match="folder exists"), whole(target, replace=False):
        pass


def test_what_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/a\.txt cannot be written"):
        write_whole(tmp_path / "file" / "a.txt", "x")


def test_an_error_about_another_file_is_its_own(tmp_path: Path):
    with pytest.raises(FileNotFoundError), whole(tmp_path / "a.txt"):
        (tmp_path / "elsewhere").read_text()


def test_a_folder_is_held_by_one(tmp_path: Path):
    with (
        sole_use(tmp_path / "new"),
        pytest.raises(OutputError, match="wait for it"),
        sole_use(tmp_path / "new", "wait for it"),
    ):
        pass
    with sole_use(tmp_path / "new", "free again"):
        pass


def test_one_variable_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_dir().name == "fer-cascade"


def test_parts_of_processes_that_are_gone_are_removed_from_the_runs_own_folders(tmp_path: Path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, alive = f".a.{gone.pid}.part.png", f".a.{os.getppid()}.part.png"
    (tmp_path / "own/deeper").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    folders = (tmp_path, tmp_path / "own/deeper", tmp_path / "other")
    for folder in folders:
        for name in (dead, alive, ".a.part.png", f"a.{gone.pid}.part.png"):
            (folder / name).touch()
    (tmp_path / f".b.{gone.pid}.part").mkdir()
    before = set(tmp_path.rglob("*"))
    remove_parts(tmp_path, "own", "missing")
    removed = before - set(tmp_path.rglob("*"))
    assert removed == {tmp_path / dead, tmp_path / "own/deeper" / dead, tmp_path / f".b.{gone.pid}.part"}
