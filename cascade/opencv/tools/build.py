"""The source code of the binaries, and compiling it: static, without windows, video or tests.

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
from pathlib import Path

from cascade.errors import ToolsError
from cascade.opencv.process import run_logged
from cascade.opencv.tools.find import PROGRAMS

PACKAGE, PACKAGE_VERSION = "opencv-python-headless", "3.4.18.65"
SHA256 = "f7c3e5459296e832e922350a7140b94192d3a0c330882eea45d8f65516434550"
ARCHIVE_NAME = f"{PACKAGE}-{PACKAGE_VERSION}.tar.gz"
_SETTINGS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_POLICY_VERSION_MINIMUM": "3.5",  # CMake 4 refuses the age of this tree otherwise
    # What the two programs link to, and nothing else.
    "BUILD_LIST": "core,imgproc,imgcodecs,videoio,highgui,flann,features2d,calib3d,objdetect",
    # A list in CMake's own notation: with commas, no program at all is built and nobody says so.
    "BUILD_APPS_LIST": "traincascade;createsamples",
    "CPU_DISPATCH": "",  # one variant of each kernel: half the compilation
}
_OFF = """
    BUILD_SHARED_LIBS BUILD_TESTS BUILD_PERF_TESTS BUILD_EXAMPLES BUILD_DOCS BUILD_JAVA
    BUILD_opencv_python2 BUILD_opencv_python3 BUILD_opencv_python_bindings_generator
    ENABLE_PRECOMPILED_HEADERS OPENCV_GENERATE_PKGCONFIG
    WITH_1394 WITH_CUDA WITH_EIGEN WITH_FFMPEG WITH_GDAL WITH_GDCM WITH_GPHOTO2 WITH_GSTREAMER WITH_GTK
    WITH_IPP WITH_ITT WITH_JASPER WITH_LAPACK WITH_OPENCL WITH_OPENEXR WITH_PROTOBUF WITH_QT WITH_QUIRC
    WITH_TBB WITH_TIFF WITH_V4L WITH_VTK WITH_WEBP
"""
# Bundled, so that the binaries depend on nothing but the C++ runtime.
_ON = "BUILD_opencv_apps BUILD_JPEG BUILD_PNG BUILD_ZLIB"
_STEP = re.compile(r"^\[(\d+)/(\d+)\]")
_ERROR = re.compile(r"error:|CMake Error|FAILED:|No space left|Killed", re.IGNORECASE)


class Pip:
    """pip in a throw-away virtual environment; what it fetches needs packages that the user's own shall not get.

    Args:
        folder: of the environment, made on first use.
        log: receives what pip says.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.log = log
        self._folder = folder

    def __call__(self, *arguments: str) -> None:
        """Run pip.

        Raises:
            ToolsError: it failed, or Python comes without venv.
        """
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


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack OpenCV's own tree from the archive and return its path.

    Raises:
        ToolsError: the archive is missing, or not the pinned one.
    """
    if not archive.is_file():
        raise ToolsError(f"There is no source archive at {archive}; it should be {ARCHIVE_NAME}")
    with archive.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != SHA256:
        raise ToolsError(
            f"{archive} is not the archive that this project was tested with: its SHA-256 is {digest}, "
            f"expected {SHA256}. Remove it and fetch {ARCHIVE_NAME} again."
        )
    prefix = f"{PACKAGE}-{PACKAGE_VERSION}/opencv/"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, members=(member for member in tar if member.name.startswith(prefix)), filter="data")
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


def compile_tools(source: Path, build: Path, pip: Pip, jobs: int, on_step: Callable[[int, int], None]) -> Path:
    """Configure and compile; returns the folder of the binaries.

    Args:
        source: OpenCV's source tree.
        build: folder for the compilation, which takes about 150 MB.
        pip: brings CMake and Ninja where they are not on PATH; its log receives what they and the compiler say.
        jobs: compilations at a time.
        on_step: told how many of how many compilations are done.

    Raises:
        ToolsError: it failed; the message quotes the first error.
    """
    errors: list[str] = []

    def watch(line: str) -> None:
        if match := _STEP.match(line):
            on_step(int(match[1]), int(match[2]))
        if _ERROR.search(line):
            errors.append(line.strip())

    cmake, ninja = pip.program("cmake", "cmake>=3.20,<4"), pip.program("ninja", "ninja")
    settings = _SETTINGS | dict.fromkeys(_OFF.split(), "OFF") | dict.fromkeys(_ON.split(), "ON")
    defined = [f"-D{name}={value}" for name, value in {**settings, "CMAKE_MAKE_PROGRAM": ninja}.items()]
    configure = [cmake, "-G", "Ninja", "-S", str(source), "-B", str(build), *defined]
    for command in (configure, [ninja, "-C", str(build), "-j", str(jobs), *PROGRAMS]):
        if (status := run_logged(command, pip.log, watch)) != 0:
            cause = min(errors, key=lambda line: "rror:" not in line, default=f"exit status {status}, without a word")
            raise ToolsError(f"OpenCV could not be compiled: {cause}. The whole output is in {pip.log}")
    return build / "bin"
