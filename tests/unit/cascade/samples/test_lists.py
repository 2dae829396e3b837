from pathlib import Path

import pytest

from cascade.errors import DataError
from cascade.samples.lists import read_background, write_background, write_positives


def test_background_round_trip_with_spaces(tmp_path):
    pictures = [tmp_path / "a b.png", tmp_path / "ü" / "c.png"]
    write_background(tmp_path / "bg.txt", pictures)
    assert read_background(tmp_path / "bg.txt") == pictures


def test_background_skips_what_stops_the_binary(tmp_path):
    (tmp_path / "bg.txt").write_bytes(b"\xef\xbb\xbfa.png\r\n\r\n# comment\n  b.png  \n")
    assert read_background(tmp_path / "bg.txt") == [tmp_path / "a.png", tmp_path / "b.png"]


def test_background_from_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    (tmp_path / "here.png").touch()
    (tmp_path / "lists" / "bg.txt").write_text("here.png\nnowhere.png\n")
    monkeypatch.chdir(tmp_path)
    assert read_background(Path("lists/bg.txt")) == [tmp_path / "here.png", tmp_path / "lists" / "nowhere.png"]


def test_missing_background(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt"):
        read_background(tmp_path / "none.txt")


def test_positives(tmp_path):
    write_positives(tmp_path / "p.dat", [("a.png", [(1, 2, 3, 4), (5, 6, 7, 8)]), ("b/c.png", [(0, 0, 9, 9)])])
    assert (tmp_path / "p.dat").read_text() == "a.png\t2\t1 2 3 4 5 6 7 8\nb/c.png\t1\t0 0 9 9\n"


@pytest.mark.parametrize("name", ["a b.png", "/a.png", "a\t.png"])
def test_positives_refuse_what_the_binary_misreads(tmp_path, name):
    with pytest.raises(DataError, match="cannot read"):
        write_positives(tmp_path / "p.dat", [(name, [(0, 0, 1, 1)])])
