import os
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from cascade.command import CONFIGS
from cascade.errors import ToolsError
from cascade.opencv.process import run_logged
from cascade.opencv.tools import install
from cascade.opencv.tools.find import find_tools, tools_folder
from cascade.tools import tools


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
    assert find_tools(None, two).traincascade == two
    assert find_tools(one).traincascade == empty_path / "opencv_traincascade"  # beside it, where it is needed
    with pytest.raises(ToolsError, match="no such file"):
        find_tools(one, empty_path / "none")
    with pytest.raises(ToolsError, match="does not answer as OpenCV's program does"):
        find_tools(one, binary(empty_path / "c", "print('hello')"))


def test_those_of_the_cache(empty_path, tmp_path):
    folder = tmp_path / "cache" / "opencv-tools" / "3.4.18"
    assert tools_folder() == folder
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/opencv_traincascade").touch()
    found = find_tools()
    assert (found.traincascade.parent, found.origin) == (folder / "bin", "cache")


def test_another_archive_is_refused(tmp_path):
    (tmp_path / install.ARCHIVE_NAME).write_bytes(b"something else")
    with pytest.raises(ToolsError, match=r"its SHA-256 is f41f3fa6"):
        install.unpack(tmp_path / install.ARCHIVE_NAME, tmp_path)
    with pytest.raises(ToolsError, match="no source archive"):
        install.unpack(tmp_path / "none", tmp_path)


def test_compiler_is_named(empty_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolsError, match="No C compiler"):
        install.find_compiler()
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    with pytest.raises(ToolsError, match=r"No C\+\+ compiler: no-such-compiler"):
        install.find_compiler()


def test_the_command_says_where_they_are(empty_path, capsys, monkeypatch):
    for name in ("opencv_createsamples", "opencv_traincascade"):
        binary(empty_path / name, USAGE)
    config = OmegaConf.load(CONFIGS / "cascade/tools.yaml")
    tools(config)
    assert f"{empty_path / 'opencv_traincascade'}  (from PATH)" in capsys.readouterr().out
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolsError, match="No C compiler"):
        tools(OmegaConf.merge(config, {"rebuild": True}))
    assert not tools_folder().exists()


def test_output_goes_to_the_log_but_for_what_is_kept_out(tmp_path):
    seen, started = [], []
    code = "print('one'); print('two'); raise SystemExit(3)"

    def on_line(line):
        seen.append(line)
        return line != "one"

    status = run_logged([sys.executable, "-c", code], tmp_path / "log", on_line, on_start=started.append)
    assert (status, seen) == (3, ["one", "two"]) and started[0] > 0
    assert (tmp_path / "log").read_text().splitlines()[1:] == ["two"]


def test_a_program_does_not_outlive_an_interruption(tmp_path):
    started = []

    def on_line(line):
        raise KeyboardInterrupt

    code = "import time; print('up', flush=True); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run_logged([sys.executable, "-c", code], tmp_path / "log", on_line, on_start=started.append)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_what_is_said_of_a_lost_network(tmp_path):
    pip = install.Pip(tmp_path / "venv", tmp_path / "log")
    pip.bin.mkdir(parents=True)
    binary(pip.bin / "python", "print('ERROR: No matching distribution found'); raise SystemExit(1)")
    with pytest.raises(ToolsError, match=r"pip could not get numpy from .*No matching distribution.*sdist=FILE"):
        install.fetch(pip, tmp_path)


def test_training_imports_no_torch():
    code = "import sys, cascade.train, cascade.prepare, cascade.tools; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
