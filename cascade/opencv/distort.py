"""Many samples from one picture: driving `opencv_createsamples -img`, which bends it and places it on backgrounds.

The binary believes any count that it is told, and its exit status says little: what it made is checked.
"""

import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cascade.errors import DataError
from cascade.opencv.tools.find import Tools
from cascade.pictures import read_gray, save_picture
from cascade.ranges import Count, Gray, Natural, NotNegative
from cascade.samples.vec import VecHeader, read_vec_header

_NUMBERS = ("num", "bgcolor", "bgthresh", "maxidev", "maxxangle", "maxyangle", "maxzangle", "rngseed")


@dataclass
class Distortion:
    """Which picture is bent into how many samples, and how far; names and meaning are the binary's own.

    What each is, and its default, stands in `configs/cascade/prepare.yaml`.
    """

    image: str | None
    num: Count
    bgcolor: Gray
    bgthresh: Gray
    inv: bool
    randinv: bool
    maxidev: Gray
    maxxangle: NotNegative
    maxyangle: NotNegative
    maxzangle: NotNegative
    rngseed: Natural

    def arguments(self) -> list[str]:
        """The binary's argument list."""
        arguments = [text for name in _NUMBERS for text in (f"-{name}", str(getattr(self, name)))]
        return arguments + [f"-{name}" for name in ("inv", "randinv") if getattr(self, name)]


def distort(tools: Tools, distortion: Distortion, bg: Path, vec: Path, *, w: int, h: int) -> None:
    """Bend one picture into many samples, on backgrounds, and write them as a .vec file.

    Args:
        tools: the binaries.
        distortion: of which picture, and how far it is bent.
        bg: the list of backgrounds of a prepared folder: plain names that start there, of what the binary can decode.
        vec: the file to write.
        w: width of a sample in pixels.
        h: height of a sample in pixels.

    Raises:
        DataError: the binary failed, or made other samples than it was asked for.
        ImageError: the picture cannot be read.
    """
    image = read_gray(Path(distortion.image or "").expanduser())
    with tempfile.TemporaryDirectory() as folder:
        picture = save_picture(Path(folder) / "image.png", image)  # a format and a name that the binary can read
        command = [tools.createsamples, "-img", picture, "-bg", bg.name, "-vec", vec.absolute(), "-w", w, "-h", h]
        call = [*(str(part) for part in command), *distortion.arguments()]
        answer = subprocess.run(
            call, cwd=bg.parent, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False
        )
    said = (answer.stderr.strip() or answer.stdout.strip() or "nothing").splitlines()[-1]
    made = read_vec_header(vec) if vec.is_file() else VecHeader(0, w * h)
    if answer.returncode != 0 or made != VecHeader(distortion.num, w * h):
        raise DataError(
            f"opencv_createsamples made {made.count} of {distortion.num} samples, status {answer.returncode}: {said}. "
            f"Command: {shlex.join(call)}"
        )
