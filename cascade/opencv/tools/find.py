"""The binaries themselves: where they are, and whether they run."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cascade.errors import ToolsError
from cascade.files import cache_dir
from cascade.opencv.tools.source import OPENCV_VERSION

CREATESAMPLES = "opencv_createsamples"
TRAINCASCADE = "opencv_traincascade"
FACES_VEC = "trainingfaces_24-24.vec"


@dataclass
class ToolPaths:
    """Paths of OpenCV's binaries; None uses those on PATH, or else those of the cache."""

    createsamples: str | None = None
    traincascade: str | None = None


@dataclass(frozen=True)
class Tools:
    """OpenCV's training binaries.

    Attributes:
        createsamples: path of `opencv_createsamples`.
        traincascade: path of `opencv_traincascade`.
        data: folder with OpenCV's faces (`trainingfaces_24-24.vec`) and LBP cascades; None unless the
            binaries are those of the cache.
        origin: where they were found: `config`, `PATH` or `cache`.
    """

    createsamples: Path
    traincascade: Path
    data: Path | None
    origin: str


def tools_folder() -> Path:
    """The folder of the cache that holds the binaries of the version this project builds."""
    return cache_dir() / "opencv-tools" / OPENCV_VERSION


def find_tools(createsamples: str | Path | None = None, traincascade: str | Path | None = None) -> Tools | None:
    """The binaries given, else those on PATH, else those in the cache; None when there are none yet.

    Where only one is given, the other is looked for beside it when it is needed.

    Raises:
        ToolsError: a path is given and no such program runs there.
    """
    given = [Path(path).expanduser().absolute() for path in (createsamples, traincascade) if path is not None]
    for path in given:
        if (problem := _problem(path)) is not None:
            raise ToolsError(f"{path} cannot be used: {problem}. Correct the path or leave it out.")
    if given:
        one = given[0] if createsamples is not None else given[-1].with_name(CREATESAMPLES)
        return Tools(one, given[-1] if traincascade is not None else one.with_name(TRAINCASCADE), None, "config")
    on_path = [Path(found) for name in (CREATESAMPLES, TRAINCASCADE) if (found := shutil.which(name))]
    if len(on_path) == 2 and not any(_problem(path) for path in on_path):
        return Tools(on_path[0], on_path[1], None, "PATH")
    folder = tools_folder()
    if (folder / "bin" / TRAINCASCADE).is_file():
        return Tools(folder / "bin" / CREATESAMPLES, folder / "bin" / TRAINCASCADE, folder / "data", "cache")
    return None


def _problem(path: Path) -> str | None:
    """Why a program is not one of the two binaries; None when it is."""
    if not path.is_file():
        return "there is no such file"
    try:
        # Without arguments both print their options and leave.
        answer = subprocess.run([path], capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not run ({error})"
    if "Usage:" not in answer.stdout or "-vec" not in answer.stdout:
        said = (answer.stderr.strip() or answer.stdout.strip() or f"exit status {answer.returncode}").splitlines()[-1]
        return f"it does not answer as OpenCV's program does ({said})"
    return None
