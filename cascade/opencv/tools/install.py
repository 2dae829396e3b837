"""Putting the binaries into the cache: their source is fetched, compiled as `opencv.cmake` says, checked, moved there.

OpenCV stopped building `opencv_createsamples` and `opencv_traincascade` with version 4. The last release line
that builds them, 3.4, is on the package index as the source archive of opencv-python-headless, together with
a file of 16,520 faces and the LBP cascades.
"""

import hashlib
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from cascade.errors import ToolsError
from cascade.files import sole_use, whole
from cascade.opencv.process import run_logged
from cascade.opencv.tools.find import (
    FACES_VEC,
    OPENCV_VERSION,
    PROGRAMS,
    Tools,
    cached_tools,
    find_tools,
    samples_folder,
    tools_folder,
)
from cascade.terminal import progress_bar

PACKAGE, PACKAGE_VERSION = "opencv-python-headless", "3.4.18.65"
SHA256 = "f7c3e5459296e832e922350a7140b94192d3a0c330882eea45d8f65516434550"
ARCHIVE_NAME = f"{PACKAGE}-{PACKAGE_VERSION}.tar.gz"
_SETTINGS = Path(__file__).with_name("opencv.cmake")
_STEP = re.compile(r"^\[(\d+)/(\d+)\]")
_ERROR = re.compile(r"error:|CMake Error|FAILED:|No space left|Killed", re.IGNORECASE)


def ensure_tools(
    createsamples: str | Path | None = None, traincascade: str | Path | None = None, console: Console | None = None
) -> Tools:
    """The binaries given, on PATH or in the cache; compiled into the cache when there are none, or a ToolsError."""
    return find_tools(createsamples, traincascade) or install_tools(console=console)


def install_tools(
    *, jobs: int | None = None, archive: Path | None = None, rebuild: bool = False, console: Console | None = None
) -> Tools:
    """Compile the binaries into the cache, unless they are there; a ToolsError says why that cannot be done.

    Args:
        jobs: compilations at a time; all cores by default.
        archive: the source archive, when it need not be downloaded.
        rebuild: compile even when the cache has them.
        console: where to say what is being done.
    """
    target, tools = tools_folder(), cached_tools()
    with sole_use(target.parent):
        if rebuild or not tools.traincascade.is_file():  # another process may have built meanwhile
            for left_over in target.parent.glob(f".{target.stem}.*.part*"):  # of a build that was killed
                shutil.rmtree(left_over)
            find_compiler()
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            with whole(target) as folder:
                _make(folder, jobs or cores or 1, archive, console or Console())
    return tools


def opencv_faces(console: Console | None = None) -> Path:
    """OpenCV's 16,520 faces of 24×24 pixels, a .vec file: from the cache, or else from the source archive.

    Nothing is compiled for them; a ToolsError says why they cannot be had.
    """
    for folder in (tools_folder() / "data", samples_folder()):
        if (folder / FACES_VEC).is_file():
            return folder / FACES_VEC
    target = samples_folder()
    with sole_use(target.parent):
        if not target.exists():  # another process may have been faster
            with whole(target) as folder:
                folder.mkdir(parents=True)
                with progress_bar(console or Console()) as bar:
                    bar.add_task(f"downloading {ARCHIVE_NAME}, 88 MB, for OpenCV's faces, once", total=None)
                    archive = fetch(Pip(folder / "venv", target.parent / f"fetch-{OPENCV_VERSION}.log"), folder)
                    faces = f"data/vec_files/{FACES_VEC}"
                    tree = unpack(archive, folder, faces, "LICENSE")
                    shutil.move(tree / faces, folder)
                    shutil.move(tree / "LICENSE", folder)
                archive.unlink()
                for made in (folder / "venv", tree.parent):
                    shutil.rmtree(made, ignore_errors=True)
    return target / FACES_VEC


def _make(folder: Path, jobs: int, archive: Path | None, console: Console) -> None:
    log = folder.parent / f"build-{OPENCV_VERSION}.log"
    log.unlink(missing_ok=True)
    console.print(
        f"Compiling OpenCV {OPENCV_VERSION}'s training binaries, once, into {folder.parent}: about 8 CPU minutes, "
        f"with {jobs} job(s) some {max(1, round(8 / jobs))} min. Log: {log}",
        soft_wrap=True,
    )
    work, binaries, data = folder / "work", folder / "bin", folder / "data"
    for made in (work, binaries, data):
        made.mkdir(parents=True)
    pip = Pip(work / "venv", log)
    with progress_bar(console) as bar:
        task = bar.add_task(f"downloading {ARCHIVE_NAME}, 88 MB", total=None)
        archive = archive or fetch(pip, work)
        bar.update(task, description="unpacking")
        tree = unpack(archive, work)
        bar.update(task, description="compiling")
        compiled = compile_tools(tree, work / "build", pip, jobs, partial(bar.update, task))
    for name in PROGRAMS:
        shutil.copy2(compiled / name, binaries)
    for path in (tree / "data/vec_files" / FACES_VEC, *(tree / "data/lbpcascades").glob("*.xml")):
        shutil.copy2(path, data)
    shutil.copy2(tree / "LICENSE", folder)
    find_tools(*(binaries / name for name in PROGRAMS))  # raises when they do not run
    shutil.rmtree(work)


class Pip:
    """pip in a throw-away virtual environment, made on first use: the user's own shall not get what it fetches."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.log = log
        self._folder = folder

    def __call__(self, *arguments: str) -> None:
        """Run pip; a ToolsError tells why it failed, or that Python comes without venv."""
        if not self._folder.exists() and run_logged([sys.executable, "-m", "venv", self._folder], self.log) != 0:
            raise ToolsError(
                f"Python's venv module does not work here (Debian: apt-get install python3-venv). Log: {self.log}"
            )
        said: list[str] = []
        # The caller's own pip settings (index, proxy, certificate) hold; a PYTHONPATH would leak packages in.
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        if run_logged([self.bin / "python", "-m", "pip", *arguments], self.log, said.append, env=env) != 0:
            errors = [line for line in said if line.startswith("ERROR")] or said or [""]
            raise ToolsError(
                f"pip could not get {arguments[-1]} from the package index: {errors[-1].strip()}. Check network, proxy "
                f"and pip settings, or fetch {ARCHIVE_NAME} elsewhere and give it with sdist=FILE. Log: {self.log}"
            )

    def program(self, name: str, requirement: str) -> str:
        """A program of the user's, or else one that pip installs."""
        if found := shutil.which(name):
            return found
        self("install", "--quiet", requirement)
        return str(self.bin / name)


def fetch(pip: Pip, folder: Path) -> Path:
    """Download the source archive (88 MB) with pip and return its path."""
    # The package's metadata cannot be read without these, and pip insists on reading it;
    pip("install", "--quiet", "setuptools", "wheel", "scikit-build", "numpy")
    # --no-binary :all: and build isolation both make pip compile things that are not needed.
    options = ("--no-deps", "--no-build-isolation", "--no-binary", PACKAGE, "--dest", str(folder))
    pip("download", *options, f"{PACKAGE}=={PACKAGE_VERSION}")
    return folder / ARCHIVE_NAME


def unpack(archive: Path, folder: Path, *only: str) -> Path:
    """Unpack OpenCV's own tree, or only these of its files, and return its path.

    Raises:
        ToolsError: the archive is missing or not the pinned one.
    """
    if not archive.is_file():
        raise ToolsError(f"There is no source archive at {archive}; it should be {ARCHIVE_NAME}")
    if (digest := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
        raise ToolsError(
            f"{archive} is not the archive that this project was tested with: its SHA-256 is {digest}, "
            f"expected {SHA256}. Remove it and fetch {ARCHIVE_NAME} again."
        )
    prefix = f"{PACKAGE}-{PACKAGE_VERSION}/opencv/"
    with tarfile.open(archive) as tar:
        inside = (member for member in tar if member.name.startswith(prefix))
        wanted = (member for member in inside if not only or member.name.removeprefix(prefix) in only)
        tar.extractall(folder, members=wanted, filter="data")
    return folder / prefix


def find_compiler() -> None:
    """Raise a ToolsError that says how to get one where there is no C or no C++ compiler."""
    for variable, names, language in (("CC", ("cc", "gcc", "clang"), "C"), ("CXX", ("c++", "g++", "clang++"), "C++")):
        wanted = tuple(os.environ.get(variable, "").split()[:1]) or names
        if not any(shutil.which(name) for name in wanted):
            raise ToolsError(
                f"No {language} compiler: {' / '.join(wanted)} not on PATH. "
                "Debian: apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install"
            )


def compile_tools(source: Path, build: Path, pip: Pip, jobs: int, on_step: Callable[..., None]) -> Path:
    """Configure and compile; returns the folder of the binaries, or raises a ToolsError that quotes the first error.

    pip brings CMake and Ninja where they are not on PATH; its log receives what they and the compiler say. `build` will
    take about 150 MB; `on_step` is told how many compilations are `completed`, of what `total`.
    """
    errors: list[str] = []

    def watch(line: str) -> None:
        if match := _STEP.match(line):
            on_step(completed=int(match[1]), total=int(match[2]))
        if _ERROR.search(line):
            errors.append(line.strip())

    cmake, ninja = pip.program("cmake", "cmake>=3.20,<4"), pip.program("ninja", "ninja")
    commands: list[list[str | Path]] = [
        [cmake, "-C", _SETTINGS, f"-DCMAKE_MAKE_PROGRAM={ninja}", "-G", "Ninja", "-S", source, "-B", build],
        [ninja, "-C", build, "-j", str(jobs), *PROGRAMS],
    ]
    for command in commands:
        if (status := run_logged(command, pip.log, watch)) != 0:
            cause = min(errors, key=lambda line: "rror:" not in line, default=f"exit status {status}, without a word")
            raise ToolsError(f"OpenCV could not be compiled: {cause}. The whole output is in {pip.log}")
    return build / "bin"
