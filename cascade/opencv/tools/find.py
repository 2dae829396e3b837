"""The binaries themselves: where they are, and whether they run."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cascade.errors import ToolsError
from cascade.files import cache_dir

OPENCV_VERSION = "3.4.18"
PROGRAMS = ("opencv_createsamples", "opencv_traincascade")
FACES_VEC = "trainingfaces_24-24.vec"


@dataclass(frozen=True)
class Tools:
    """Where OpenCV's training binaries were found, `config`, `PATH` or `cache`, and their paths."""

    origin: str
    createsamples: Path
    traincascade: Path


def tools_folder() -> Path:
    """The cache's folder for the version this project builds: binaries in `bin`, OpenCV's samples in `data`."""
    return cache_dir() / "opencv-tools" / OPENCV_VERSION


def samples_folder() -> Path:
    """The cache's folder for OpenCV's samples where they were fetched without the binaries."""
    return cache_dir() / "opencv-samples" / OPENCV_VERSION


def cached_tools() -> Tools:
    """The binaries of the cache, whether or not they are there yet."""
    return Tools("cache", *(tools_folder() / "bin" / name for name in PROGRAMS))


def find_tools(createsamples: str | Path | None = None, traincascade: str | Path | None = None) -> Tools | None:
    """The binaries given, else those on PATH, else those in the cache; None when there are none yet.

    Where only one is given, the other is looked for beside it when it is needed. A path where no such program runs is
    a ToolsError.
    """
    wanted = dict(zip(PROGRAMS, (createsamples, traincascade), strict=True))
    given = {name: Path(path).expanduser().absolute() for name, path in wanted.items() if path is not None}
    for path in given.values():
        if (problem := _problem(path)) is not None:
            raise ToolsError(f"{path} cannot be used: {problem}. Correct the path or leave it out.")
    if given:
        beside = next(iter(given.values()))
        return Tools("config", *(given.get(name, beside.with_name(name)) for name in PROGRAMS))
    on_path = [Path(found) for name in PROGRAMS if (found := shutil.which(name))]
    if len(on_path) == 2 and not any(_problem(path) for path in on_path):
        return Tools("PATH", *on_path)
    return cached_tools() if cached_tools().traincascade.is_file() else None


def _problem(path: Path) -> str | None:
    """Why a program is not one of the two binaries; None when it is."""
    if not path.is_file():
        return "there is no such file"
    try:
        # Without arguments both print their options and leave.
        answer = subprocess.run([path], capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not run ({error})"
    if "Usage:" in answer.stdout and "-vec" in answer.stdout:
        return None
    said = (answer.stderr.strip() or answer.stdout.strip() or f"exit status {answer.returncode}").splitlines()[-1]
    return f"it does not answer as OpenCV's program does ({said})"
