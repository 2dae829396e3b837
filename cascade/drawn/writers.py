"""Synthetic faces and scenes as files, in the formats that the real data comes in.

Every writer refuses a target that exists, and shows it under its name only when it is complete.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.drawn.backgrounds import render_background
from cascade.drawn.renderer import RenderedFace, generator, render_face
from cascade.drawn.scenes import Scene, SceneFace, moving_scene, render_chip, render_scene
from cascade.errors import UserError
from fer.labels import EXPRESSIONS

#: Called with 1 for every finished face or picture.
Advance = Callable[[int], object]

#: fer2013's name for each split.
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
_SPLITS = tuple(USAGES)


@dataclass(frozen=True)
class SplitSizes:
    """Faces per split; a split of 0 is left out."""

    train: int
    val: int
    test: int

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Yield (split, size), `train` first."""
        return iter(zip(_SPLITS, (self.train, self.val, self.test), strict=True))

    @property
    def total(self) -> int:
        """All faces together."""
        return self.train + self.val + self.test


def split_index(split: str, place: int) -> int:
    """The renderer's index of a face: each split has a range of 2³² of its own, so no person is in two."""
    return (_SPLITS.index(split) << 32) + place


def split_face(seed: int, split: str, place: int, size: int) -> RenderedFace:
    """The face at a place of a split, the same in training, in CSV and in folders."""
    return render_face(seed, split_index(split, place), size=size)


def write_csv(path: Path, sizes: SplitSizes, seed: int, advance: Advance = int) -> None:
    """Write a file like Kaggle's `fer2013.csv`: `emotion,pixels,Usage`, 48×48.

    Raises:
        UserError: Where the file exists or cannot be written.
    """
    with _finished(path) as part, part.open("w", encoding="ascii", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        for split, size in sizes:
            for place in range(size):
                face = split_face(seed, split, place, 48)
                file.write(f"{face.label},{' '.join(map(str, face.image.ravel().tolist()))},{USAGES[split]}\n")
                advance(1)


def write_folder(path: Path, sizes: SplitSizes, seed: int, size: int = 48, advance: Advance = int) -> None:
    """Write `train|val|test/<class>/NNNNN.png`, gray.

    Raises:
        UserError: Where the folder exists or cannot be written.
    """
    with _finished(path) as part:
        for split, count in sizes:
            for name in EXPRESSIONS if count else ():
                (part / split / name).mkdir(parents=True)
            for place in range(count):
                face = split_face(seed, split, place, size)
                _write_image(part / split / EXPRESSIONS[face.label] / f"{place:05d}.png", face.image)
                advance(1)


def write_chips(
    path: Path, positives: int, negatives: int, seed: int, *, colour: bool = False, advance: Advance = int
) -> None:
    """Write what a face detector is trained on: `positives/`, `positives.dat` and `negatives/`.

    Each positive is one face with margin around it; `positives.dat` holds its box in OpenCV's info format,
    `path<TAB>1<TAB>x y w h`. The negatives are places with nobody in them.

    Raises:
        UserError: Where the folder exists or cannot be written.
    """
    with _finished(path) as part:
        for name in ("positives", "negatives"):
            (part / name).mkdir(parents=True)
        lines = []
        for index in range(positives):
            chip = render_chip(seed, index, colour=colour)
            name = f"positives/{index:05d}.png"
            _write_image(part / name, chip.image)
            lines.append(info_line(name, chip.faces))
            advance(1)
        (part / "positives.dat").write_text("".join(lines), encoding="utf-8")
        for index in range(negatives):
            width, height = generator(seed, index, 5).integers(160, 449, 2).tolist()
            place = render_background(seed, index, width, height)
            place = place if colour else np.asarray(cv2.cvtColor(place, cv2.COLOR_BGR2GRAY), np.uint8)
            _write_image(part / f"negatives/{index:05d}.png", place)
            advance(1)


def write_scenes(
    path: Path,
    count: int,
    seed: int,
    *,
    width: int = 640,
    height: int = 480,
    n_faces: int = 3,
    min_size: float = 40.0,
    advance: Advance = int,
) -> None:
    """Write `NNNNN.png`, `scenes.dat` (OpenCV's info format) and `scenes.json`.

    Raises:
        UserError: Where the folder exists or cannot be written, or the faces do not fit.
    """
    with _finished(path) as part:
        part.mkdir()
        lines, entries = [], []
        for index in range(count):
            try:
                scene = render_scene(seed, index, width, height, n_faces, min_size=min_size)
            except ValueError as error:
                raise UserError(str(error)) from error
            name = f"{index:05d}.png"
            _write_image(part / name, scene.image)
            lines.append(info_line(name, scene.faces))
            entries.append({"file": name, "seed": seed, "index": index, **_described(scene)})
            advance(1)
        (part / "scenes.dat").write_text("".join(lines), encoding="utf-8")
        _write_json(part / "scenes.json", {"expressions": EXPRESSIONS, "scenes": entries})


def write_video(
    path: Path,
    frames: int,
    seed: int,
    *,
    width: int = 640,
    height: int = 480,
    n_faces: int = 2,
    fps: float = 25.0,
    advance: Advance = int,
) -> None:
    """Write a film as .mp4 or .avi, and its faces per frame as a .json of the same name.

    Raises:
        UserError: Where a file exists or cannot be written, the suffix or its codec is missing, or the
            faces do not fit.
    """
    codecs: Mapping[str, str] = {".mp4": "mp4v", ".avi": "MJPG"}
    if path.suffix.lower() not in codecs:
        raise UserError(f"{path}: a film is written as {' or '.join(codecs)}")
    with _finished(path.with_suffix(".json")) as truth, _finished(path) as part:
        code = cv2.VideoWriter.fourcc(*codecs[path.suffix.lower()])
        writer = cv2.VideoWriter(str(part), code, fps, (width, height))
        if not writer.isOpened():
            raise UserError(f"{path}: OpenCV cannot write {path.suffix} here; try {', '.join(codecs)}")
        entries = []
        try:
            for number, scene in enumerate(moving_scene(seed, frames, width, height, n_faces)):
                writer.write(scene.image)
                entries.append({"frame": number, "time": number / fps, **_described(scene)})
                advance(1)
        except ValueError as error:
            raise UserError(str(error)) from error
        finally:
            writer.release()
        _write_json(truth, {"expressions": EXPRESSIONS, "seed": seed, "fps": fps, "frames": entries})


def write_sheet(path: Path, people: int, seed: int, size: int, *, clean: bool, advance: Advance = int) -> None:
    """Write one picture of people (columns) who show each expression (rows), with captions.

    Args:
        path: The picture; its suffix chooses the format.
        people: Columns.
        seed: From 0 up.
        size: Side of a face in pixels.
        clean: Colour, frontal and evenly lit; else as the network gets them, 48×48, enlarged.
        advance: Called with 1 for every face.

    Raises:
        UserError: Where the file exists or cannot be written, or its suffix is no picture's.
    """
    if not cv2.haveImageWriter(str(path)):
        raise UserError(f"{path}: OpenCV writes no pictures with this suffix; .png always works")
    with _finished(path) as part:
        margin, gap = 90, 2
        step = size + gap
        sheet = np.full((len(EXPRESSIONS) * step, margin + people * step, 3), 255, np.uint8)
        for row, name in enumerate(EXPRESSIONS):
            top = row * step
            place = (8, top + size // 2 + 5)
            cv2.putText(sheet, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
            for index in range(people):
                left = margin + index * step
                if clean:
                    image = render_face(seed, index, name, size, colour=True, clean=True).image
                else:
                    face = render_face(seed, index, name)
                    gray = cv2.resize(face.image, (size, size), interpolation=cv2.INTER_CUBIC)
                    image = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
                sheet[top : top + size, left : left + size] = image
                advance(1)
        _write_image(part, sheet)


def info_line(name: str, faces: tuple[SceneFace, ...]) -> str:
    """One line of OpenCV's info format: `path<TAB>count<TAB>x y w h …`."""
    boxes = " ".join(" ".join(map(str, face.box)) for face in faces)
    return f"{name}\t{len(faces)}\t{boxes}\n" if faces else f"{name}\t0\n"


def _described(scene: Scene) -> dict[str, object]:
    height, width = scene.image.shape[:2]
    faces = [
        {
            "box": list(face.box),
            "expression": EXPRESSIONS[face.label],
            "person": face.person,
            "eyes": face.eyes.round(2).tolist(),
            "mouth": face.mouth.round(2).tolist(),
        }
        for face in scene.faces
    ]
    return {"width": width, "height": height, "faces": faces}


def _write_image(path: Path, image: NDArray[np.uint8]) -> None:
    if not cv2.imwrite(str(path), image):
        raise UserError(f"{path}: cannot be written; check the folder and its free space")


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _finished(path: Path) -> Iterator[Path]:
    """Give a name beside the target to write to; it takes the target's name when all went well.

    Raises:
        UserError: Where the target exists, or its folder cannot be made or written to.
    """
    if path.exists():
        raise UserError(f"{path} exists; name another target or remove it first")
    part = path.with_name(f"{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
