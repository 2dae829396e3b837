"""The source code that the binaries are compiled from.

OpenCV stopped building `opencv_createsamples` and `opencv_traincascade` with version 4. The last release line
that builds them, 3.4, is on the package index as the source archive of opencv-python-headless, together with
a file of 16,520 faces and the LBP cascades.
"""

import hashlib
import os
import sys
import tarfile
from pathlib import Path

from cascade.errors import ToolsError
from cascade.opencv.tools.process import run_logged

PACKAGE = "opencv-python-headless"
PACKAGE_VERSION = "3.4.18.65"
OPENCV_VERSION = "3.4.18"
SHA256 = "f7c3e5459296e832e922350a7140b94192d3a0c330882eea45d8f65516434550"
ARCHIVE_NAME = f"{PACKAGE}-{PACKAGE_VERSION}.tar.gz"


class Pip:
    """pip in a throw-away virtual environment; what it fetches needs packages that the user's own shall not get.

    Args:
        folder: of the environment, made on first use.
        log: receives what pip says.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self._folder = folder
        self._log = log

    def __call__(self, *arguments: str) -> None:
        """Run pip.

        Raises:
            ToolsError: it failed, or Python comes without venv.
        """
        if not self._folder.exists() and run_logged([sys.executable, "-m", "venv", self._folder], self._log) != 0:
            raise ToolsError(
                f"Python's venv module does not work here (Debian: apt-get install python3-venv). Log: {self._log}"
            )
        said: list[str] = []
        # The caller's own pip settings (index, proxy, certificate) hold; a PYTHONPATH would leak packages in.
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        if run_logged([self.bin / "python", "-m", "pip", *arguments], self._log, said.append, env=env) == 0:
            return
        cause = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "")
        raise ToolsError(
            f"pip could not get {arguments[-1]} from the package index: {cause.strip()}. Check network, proxy and pip "
            f"settings, or fetch {ARCHIVE_NAME} elsewhere and give it with sdist=FILE. Log: {self._log}"
        )


def fetch(pip: Pip, folder: Path) -> Path:
    """Download the source archive (88 MB) and return its path.

    Raises:
        ToolsError: no network, or the package is not there.
    """
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
