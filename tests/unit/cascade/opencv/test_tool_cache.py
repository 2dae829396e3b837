import subprocess
import sys

import pytest
from cascade.opencv.tools.cache import cache_root, replacing

from cascade.errors import ToolsError
from cascade.opencv.tools import build, source
from cascade.opencv.tools.find import find_tools


@pytest.fixture
def empty_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def binary(path, text):
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)
    return path


USAGE = "print('Usage: x\\n [-vec <name>]')"


def test_nothing_there(empty_path):
    assert find_tools() is None


def test_on_path(empty_path):
    for name in ("opencv_createsamples", "opencv_traincascade"):
        binary(empty_path / name, USAGE)
    assert find_tools().origin == "PATH"


def test_broken_ones_on_path_are_passed_over(empty_path):
    binary(empty_path / "opencv_createsamples", USAGE)
    binary(empty_path / "opencv_traincascade", "raise SystemExit('libopencv_core.so.3: cannot open')")
    assert find_tools() is None


def test_given_paths(empty_path):
    one, two = binary(empty_path / "a", USAGE), binary(empty_path / "b", USAGE)
    found = find_tools(one, two)
    assert (found.createsamples, found.traincascade, found.origin) == (one, two, "config")
    with pytest.raises(ToolsError, match="both"):
        find_tools(one, None)
    with pytest.raises(ToolsError, match="no such file"):
        find_tools(one, empty_path / "none")
    with pytest.raises(ToolsError, match="does not answer as OpenCV's program does"):
        find_tools(one, binary(empty_path / "c", "print('hello')"))


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("FER_CASCADE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "fer-cascade"
    monkeypatch.setenv("FER_CASCADE_CACHE", str(tmp_path / "mine"))
    assert cache_root() == tmp_path / "mine"


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "target"
    with replacing(target) as work:
        (work / "old").touch()
    with pytest.raises(RuntimeError), replacing(target) as work:
        (work / "new").touch()
        raise RuntimeError
    assert [path.name for path in target.iterdir()] == ["old"]
    with replacing(target) as work:
        (work / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_another_archive_is_refused(tmp_path):
    (tmp_path / source.ARCHIVE_NAME).write_bytes(b"something else")
    with pytest.raises(ToolsError, match=r"its SHA-256 is f41f3fa6"):
        source.verify(tmp_path / source.ARCHIVE_NAME)
    with pytest.raises(ToolsError, match="no source archive"):
        source.verify(tmp_path / "none")


def test_compiler_is_named(empty_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolsError, match="No C compiler"):
        build.find_compiler()
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    with pytest.raises(ToolsError, match=r"No C\+\+ compiler: no-such-compiler"):
        build.find_compiler()


def test_training_imports_no_torch():
    code = "import sys, cascade.train, cascade.prepare, cascade.tools; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
