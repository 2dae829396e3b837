import sys

import pytest

from cascade.errors import OutputError
from cascade.files import cache_dir, sole_use, whole, write_whole


def test_the_cache_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="each system has its own place for caches")
def test_the_cache_folder_is_the_systems(monkeypatch, tmp_path):
    monkeypatch.delenv("FER_CASCADE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "fer-cascade"


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "target"
    for name, fails in (("old", False), ("failed", True), ("new", False)):
        try:
            with whole(target) as work:
                work.mkdir()
                (work / name).touch()
                if fails:
                    raise RuntimeError
        except RuntimeError:
            assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_what_exists_is_kept_where_asked(tmp_path):
    write_whole(tmp_path / "new" / "a.txt", "é")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é".encode()
    with pytest.raises(OutputError, match="exists"), whole(tmp_path / "new", replace=False):
        pass


def test_a_folder_is_held_by_one(tmp_path):
    with (
        sole_use(tmp_path / "folder"),
        pytest.raises(OutputError, match="taken"),
        sole_use(tmp_path / "folder", "taken"),
    ):
        pass
    with sole_use(tmp_path / "folder", "taken"):
        pass
