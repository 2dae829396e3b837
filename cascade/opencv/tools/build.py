"""Compiling the two binaries from OpenCV's source: static, without windows, video or tests."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from cascade.errors import ToolsError
from cascade.opencv.tools.process import run_logged
from cascade.opencv.tools.source import Pip

_TARGETS = ("opencv_traincascade", "opencv_createsamples")
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


def find_compiler() -> None:
    """Check that there is a C and a C++ compiler.

    Raises:
        ToolsError: there is none; the message says how to get one.
    """
    for variable, names, language in (("CC", ("cc", "gcc", "clang"), "C"), ("CXX", ("c++", "g++", "clang++"), "C++")):
        wanted = tuple(os.environ.get(variable, "").split()[:1]) or names
        if not any(shutil.which(name) for name in wanted):
            raise ToolsError(
                f"No {language} compiler: {' / '.join(wanted)} not on PATH. "
                "Debian: apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install"
            )


def compile_tools(
    source: Path, build: Path, pip: Pip, jobs: int, log: Path, on_step: Callable[[int, int], None]
) -> Path:
    """Configure and compile; returns the folder of the binaries.

    Args:
        source: OpenCV's source tree.
        build: folder for the compilation, which takes about 150 MB.
        pip: brings CMake and Ninja where they are not on PATH.
        jobs: compilations at a time.
        log: receives everything that CMake and the compiler say.
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

    cmake, ninja = _program("cmake", "cmake>=3.20,<4", pip), _program("ninja", "ninja", pip)
    settings = _SETTINGS | dict.fromkeys(_OFF.split(), "OFF") | dict.fromkeys(_ON.split(), "ON")
    defined = [f"-D{name}={value}" for name, value in {**settings, "CMAKE_MAKE_PROGRAM": ninja}.items()]
    configure = [cmake, "-G", "Ninja", "-S", str(source), "-B", str(build), *defined]
    for command in (configure, [ninja, "-C", str(build), "-j", str(jobs), *_TARGETS]):
        if (status := run_logged(command, log, watch)) != 0:
            cause = min(errors, key=lambda line: "rror:" not in line, default=f"exit status {status}, without a word")
            raise ToolsError(f"OpenCV could not be compiled: {cause}. The whole output is in {log}")
    return build / "bin"


def _program(name: str, requirement: str, pip: Pip) -> str:
    found = shutil.which(name)
    if found is None:
        pip("install", "--quiet", requirement)
    return found or str(pip.bin / name)
