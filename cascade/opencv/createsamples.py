"""Driving opencv_createsamples, which makes .vec files, with its traps hidden.

The binary prefixes every path with the list's folder, splits paths at spaces, believes any count that it is
told and aborts at a box outside its picture. Here it is given links of plain names in a folder of our own,
and only lists that have been checked.
"""

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from cascade.boxes import Box
from cascade.errors import ConfigError, DataError
from cascade.opencv.tools.find import Tools
from cascade.pictures import read_gray
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.lists import binary_suffix, write_background, write_positives
from cascade.samples.vec import read_vec_header


@dataclass
class Distortion:
    """How `-img` bends one picture into many samples; names and defaults are the binary's.

    Attributes:
        bgcolor: gray value that counts as transparent, 0..255.
        bgthresh: grays that far from it are transparent, too.
        inv: invert the grays.
        randinv: invert them at random.
        maxidev: largest change of intensity.
        maxxangle: largest rotation about the horizontal axis, in radians.
        maxyangle: largest rotation about the vertical axis, in radians.
        maxzangle: largest rotation in the picture's plane, in radians.
        rngseed: seed.
    """

    bgcolor: int = 0
    bgthresh: int = 80
    inv: bool = False
    randinv: bool = False
    maxidev: int = 40
    maxxangle: float = 1.1
    maxyangle: float = 1.1
    maxzangle: float = 0.5
    rngseed: int = 12345

    def arguments(self) -> list[str]:
        """The binary's argument list."""
        numbers = ("bgcolor", "bgthresh", "maxidev", "maxxangle", "maxyangle", "maxzangle", "rngseed")
        arguments = [text for name in numbers for text in (f"-{name}", str(getattr(self, name)))]
        return arguments + [f"-{name}" for name in ("inv", "randinv") if getattr(self, name)]


def create_vec(
    tools: Tools, entries: Sequence[ImageAnnotations], vec: Path, *, w: int, h: int, num: int | None = None
) -> int:
    """Cut the boxes out of their pictures, scale them to the window and write them as a .vec file.

    Args:
        tools: the binaries.
        entries: pictures with boxes in whole pixels.
        vec: the file to write; an old one is replaced, but only by a complete one.
        w: width of the window in pixels.
        h: height of the window in pixels.
        num: so many samples, the first in the list; all by default. It counts boxes, not pictures.

    Returns:
        The number of samples.

    Raises:
        DataError: there are not so many boxes, or the binary failed.
        DataError: a box reaches beyond its picture.
        ImageError: a picture cannot be read.
    """
    boxes = sum(len(entry) for entry in entries)
    wanted = boxes if num is None else num
    if not 0 < wanted <= boxes:
        raise DataError(f"{wanted} samples were asked for and the list holds {boxes} boxes: num must be 1 to {boxes}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listed: list[tuple[str, list[Box]]] = []
        for index, entry in enumerate(entries):
            checked = _checked_boxes(entry)
            if checked:
                listed.append((_link(entry.path, folder, f"{index:06d}"), checked))
        write_positives(folder / "info.dat", listed)
        arguments = ["-info", "info.dat", "-vec", "out.vec", "-num", str(wanted), "-w", str(w), "-h", str(h)]
        return run_createsamples(tools, arguments, folder, vec, wanted, w * h)


def create_distorted_vec(
    tools: Tools,
    image: Path,
    backgrounds: Sequence[Path],
    vec: Path,
    *,
    w: int,
    h: int,
    num: int,
    distortion: Distortion,
) -> int:
    """Bend one picture into many samples, on backgrounds, and write them as a .vec file.

    Args:
        tools: the binaries.
        image: the picture, such as a logo or a single face.
        backgrounds: pictures to place it on; without any, the ground is `distortion.bgcolor`.
        vec: the file to write; an old one is replaced, but only by a complete one.
        w: width of the window in pixels.
        h: height of the window in pixels.
        num: number of samples.
        distortion: how far it is bent.

    Returns:
        The number of samples.

    Raises:
        DataError: the binary failed.
        ConfigError: num is not above 0.
        ImageError: a picture cannot be read.
    """
    if num < 1:
        raise ConfigError(f"num is {num}; it must be at least 1")
    read_gray(image)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = [
            "-img",
            _link(image, folder, "image"),
            "-vec",
            "out.vec",
            "-num",
            str(num),
            "-w",
            str(w),
            "-h",
            str(h),
        ]
        if backgrounds:
            links = [_link(path, folder, f"{index:06d}") for index, path in enumerate(backgrounds)]
            write_background(folder / "bg.txt", links)
            arguments += ["-bg", "bg.txt"]
        return run_createsamples(tools, [*arguments, *distortion.arguments()], folder, vec, num, w * h)


def _link(picture: Path, folder: Path, stem: str) -> str:
    """Give a picture a plain name in a folder; a format that the binary may not know becomes PNG."""
    name = stem + (suffix := binary_suffix(picture) or ".png")
    if suffix == ".png" and binary_suffix(picture) is None:
        cv2.imwrite(str(folder / name), read_gray(picture))
    else:
        (folder / name).symlink_to(picture.absolute())
    return name


def _checked_boxes(entry: ImageAnnotations) -> list[Box]:
    height, width = read_gray(entry.path).shape
    boxes = []
    for values in entry.boxes:
        x, y, w, h = (round(float(value)) for value in values)
        if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width or y + h > height:
            raise DataError(
                f"{entry.path}: the box {x} {y} {w} {h} (x y width height) is not inside the picture of "
                f"{width}×{height} pixels. Correct or remove it; the binary would abort."
            )
        boxes.append(Box(x, y, w, h))
    return boxes


def run_createsamples(tools: Tools, arguments: list[str], folder: Path, vec: Path, wanted: int, pixels: int) -> int:
    """Run the binary and check what it made.

    Args:
        tools: the binaries.
        arguments: its arguments; it is to write `out.vec`.
        folder: its working directory.
        vec: where the file is moved to once it is complete.
        wanted: samples that it must hold.
        pixels: pixels that each must have.

    Returns:
        The number of samples.

    Raises:
        DataError: it did not make that file.
        DataError: it aborted at a box.
    """
    command = [str(tools.createsamples), *arguments]
    answer = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False
    )
    said = (answer.stderr.strip() or answer.stdout.strip() or "nothing").splitlines()[-1]
    made = folder / "out.vec"
    try:
        header = read_vec_header(made)
    except DataError as error:
        if "not inside" in said or "roi" in answer.stderr:
            raise DataError(f"A box is outside its picture: {said}") from error
        raise DataError(
            f"opencv_createsamples failed with status {answer.returncode} ({said}); {error}. "
            f"Command: {shlex.join(command)}"
        ) from error
    if answer.returncode != 0 or header.count != wanted or header.pixels != pixels:
        raise DataError(
            f"opencv_createsamples made {header.count} of {wanted} samples, status {answer.returncode}: {said}"
        )
    vec.parent.mkdir(parents=True, exist_ok=True)
    partial = vec.with_name(f".{vec.name}.part")
    partial.write_bytes(made.read_bytes())
    partial.replace(vec)
    return header.count
