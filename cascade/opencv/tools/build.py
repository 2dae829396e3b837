"""Compiling the two binaries from OpenCV's source: static, without windows, video or tests."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from cascade.errors import ToolsError
from cascade.opencv.tools.process import run_logged
from cascade.opencv.tools.source import Venv

# What the two programs link to, and nothing else.
_MODULES = "core,imgproc,imgcodecs,videoio,highgui,flann,features2d,calib3d,objdetect"
# A list in CMake's own notation: with commas, no program at all is built and nobody says so.
_APPS = "traincascade;createsamples"
_TARGETS = ("opencv_traincascade", "opencv_createsamples")
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

Progress = Callable[[int, int], None]
"""Called with the number of finished and of all compilation steps."""


def find_compiler() -> None:
    """Check that there is a C and a C++ compiler.

    Raises:
        ToolsError: there is none; the message says how to get one.
    """
    for variable, names, language in (("CC", ("cc", "gcc", "clang"), "C"), ("CXX", ("c++", "g++", "clang++"), "C++")):
        chosen = os.environ.get(variable, "").split()
        wanted = tuple(chosen[:1]) or names
        if not any(shutil.which(name) for name in wanted):
            raise ToolsError(
                f"No {language} compiler: {' / '.join(wanted)} not on PATH. "
                "Debian: apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install"
            )


def find_cmake(venv: Venv) -> tuple[Path, Path]:
    """CMake and Ninja from PATH, or else from pip into the throw-away environment.

    Raises:
        ToolsError: one is missing and pip cannot supply it.
    """
    found = {}
    for name, requirement in (("cmake", "cmake>=3.20,<4"), ("ninja", "ninja")):
        path = shutil.which(name)
        if path is None:
            venv.pip("install", "--quiet", requirement)
            path = str(venv.bin / name)
        found[name] = Path(path)
    return found["cmake"], found["ninja"]


def compile_tools(
    source: Path, build: Path, *, cmake: Path, ninja: Path, jobs: int, log: Path, progress: Progress
) -> Path:
    """Configure and compile; returns the folder of the binaries.

    Args:
        source: OpenCV's source tree.
        build: folder for the compilation, which takes about 150 MB.
        cmake: the program, 3.5.1 or later.
        ninja: the program.
        jobs: compilations at a time.
        log: receives everything that CMake and the compiler say.
        progress: told how far the compilation is.

    Raises:
        ToolsError: it failed; the message quotes the first error.
    """
    settings = [f"-D{name}=OFF" for name in _OFF.split()] + [f"-D{name}=ON" for name in _ON.split()]
    settings += [
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_POLICY_VERSION_MINIMUM=3.5",  # CMake 4 refuses the age of this tree otherwise
        f"-DCMAKE_MAKE_PROGRAM={ninja}",
        f"-DBUILD_LIST={_MODULES}",
        f"-DBUILD_APPS_LIST={_APPS}",
        "-DCPU_DISPATCH=",  # one variant of each kernel: half the compilation
    ]
    build.mkdir(parents=True, exist_ok=True)
    _step([cmake, "-G", "Ninja", "-S", source, "-B", build, *settings], log, "CMake could not configure OpenCV")

    def report(line: str) -> None:
        if match := _STEP.match(line):
            progress(int(match[1]), int(match[2]))

    _step([ninja, "-C", build, "-j", str(jobs), *_TARGETS], log, "The compilation failed", report)
    return build / "bin"


def _step(command: list[str | Path], log: Path, failure: str, on_line: Callable[[str], None] | None = None) -> None:
    errors: list[str] = []

    def watch(line: str) -> None:
        if _ERROR.search(line):
            errors.append(line.strip())
        if on_line is not None:
            on_line(line)

    status = run_logged(command, log, on_line=watch)
    if status != 0:
        cause = min(errors, key=lambda line: "rror:" not in line, default="")
        cause = cause or f"exit status {status}, without a word of explanation"
        raise ToolsError(f"{failure}: {cause}. The whole output is in {log}")
