"""Drawn faces and scenes as files, in the formats that the real data comes in.

Every writer refuses a target that exists, and shows it under its name only when it is complete. `seed`, from 0 up,
decides all that is drawn, and `track` goes round what is worked off one by one, for a progress bar. All raise
OutputError where the target exists or cannot be written.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
from msgspec import Meta

from cascade.contact_sheet import contact_sheet
from cascade.drawn.backgrounds import render_background
from cascade.drawn.parameters import EXPRESSIONS
from cascade.drawn.renderer import RenderedFace, generator, render_face
from cascade.drawn.scenes import Scene, SceneFace, moving_scene, render_chip, render_scene
from cascade.errors import OutputError
from cascade.files import whole
from cascade.pictures import WRITABLE, for_opencv, save_picture, to_gray
from cascade.ranges import Count, Natural

Side = Annotated[int, Meta(ge=16, le=4096)]
Length = Annotated[int, Meta(ge=32, le=2**14)]
Rate = Annotated[float, Meta(ge=1, le=1000)]
Track = Callable[[Sequence[Any]], Iterable[Any]]

#: fer2013's name for each split.
USAGES = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
#: OpenCV's codec for each kind of film.
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
#: Tag of the random stream that decides how large negatives are.
_NEGATIVE = 5


def split_face(seed: int, split: str, place: int, size: int) -> RenderedFace:
    """Draw the face at a place of a split, the same in training, in CSV and in folders.

    Each split has a range of 2³² indices of its own, so that no person is in two.
    """
    return render_face(seed, (tuple(USAGES).index(split) << 32) + place, size=size)


def write_csv(out: Path, train: Natural, val: Natural, test: Natural, seed: Natural, *, track: Track = iter) -> None:
    """Write a file like Kaggle's `fer2013.csv`: `emotion,pixels,Usage`, 48×48, so many faces per split."""
    with whole(out, replace=False) as part, part.open("w", encoding="ascii", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        for split, place in track(_places(train, val, test)):
            face = split_face(seed, split, place, 48)
            pixels = " ".join(map(str, face.image.ravel().tolist()))
            file.write(f"{EXPRESSIONS.index(face.expression)},{pixels},{USAGES[split]}\n")


def write_folder(
    out: Path, train: Natural, val: Natural, test: Natural, seed: Natural, size: Side, *, track: Track = iter
) -> None:
    """Write `train|val|test/<class>/NNNNN.png`, gray, so many faces of `size` pixels per split; none: no folder."""
    places = _places(train, val, test)
    with whole(out, replace=False) as part:
        part.mkdir()
        for split, name in itertools.product(dict.fromkeys(split for split, _ in places), EXPRESSIONS):
            (part / split / name).mkdir(parents=True)
        for split, place in track(places):
            face = split_face(seed, split, place, size)
            save_picture(part / split / face.expression / f"{place:05d}.png", face.image)


def write_chips(
    out: Path, positives: Natural, negatives: Natural, seed: Natural, *, colour: bool = False, track: Track = iter
) -> None:
    """Write what a face detector is trained on: `positives/`, `positives.dat` and `negatives/`.

    Each positive is one face with margin around it; `positives.dat` holds its box in OpenCV's info format.
    The negatives are places with nobody in them.
    """
    with whole(out, replace=False) as part:
        for name in ("positives", "negatives"):
            (part / name).mkdir(parents=True)
        lines = []
        kinds = ["positives"] * positives + ["negatives"] * negatives
        for number, kind in enumerate(track(kinds)):
            index = number if kind == "positives" else number - positives
            name = f"{kind}/{index:05d}.png"
            if kind == "positives":
                chip = render_chip(seed, index, colour=colour)
                image = chip.image
                lines.append(info_line(name, chip.faces))
            else:
                width, height = generator(seed, index, _NEGATIVE).integers(160, 449, 2).tolist()
                place = render_background(seed, index, width, height)
                image = place if colour else to_gray(place)
            save_picture(part / name, image)
        (part / "positives.dat").write_text("".join(lines), encoding="utf-8")


def write_scenes(
    out: Path,
    count: Count,
    seed: Natural,
    *,
    width: Length = 640,
    height: Length = 480,
    n_faces: Natural = 3,
    min_size: Annotated[float, Meta(ge=12)] = 40.0,
    track: Track = iter,
) -> None:
    """Write `NNNNN.png`, `scenes.dat` (OpenCV's info format) and `scenes.json`; see `render_scene`."""
    with whole(out, replace=False) as part:
        part.mkdir()
        lines, entries = [], []
        for index in track(range(count)):
            scene = render_scene(seed, index, width, height, n_faces, min_size=min_size)
            name = f"{index:05d}.png"
            save_picture(part / name, scene.image)
            lines.append(info_line(name, scene.faces))
            entries.append({"file": name, "seed": seed, "index": index, **_described(scene)})
        (part / "scenes.dat").write_text("".join(lines), encoding="utf-8")
        _write_json(part / "scenes.json", scenes=entries)


def write_video(
    out: Path,
    frames: Count,
    seed: Natural,
    *,
    width: Length,
    height: Length,
    n_faces: Natural,
    fps: Rate,
    track: Track = iter,
) -> None:
    """Write a film as .mp4 or .avi, and its faces per frame as a .json of the same name.

    Raises:
        OutputError: As all, and where OpenCV writes no such film.
    """
    codec = CODECS.get(out.suffix.lower())
    if codec is None:
        raise OutputError(f"{out}: a film is written as {' or '.join(CODECS)}")
    with whole(out.with_suffix(".json"), replace=False) as truth, whole(out, replace=False) as part:
        writer = cv2.VideoWriter(for_opencv(part), cv2.VideoWriter.fourcc(*codec), fps, (width, height))
        if not writer.isOpened():
            raise OutputError(f"{out}: OpenCV cannot write {out.suffix} here; try {' or '.join(CODECS)}")
        entries = []
        film = moving_scene(seed, frames, width, height, n_faces)
        try:
            for number in track(range(frames)):
                scene = next(film)
                writer.write(scene.image)
                entries.append({"frame": number, "time": number / fps, **_described(scene)})
        finally:
            writer.release()
        _write_json(truth, seed=seed, fps=float(fps), frames=entries)


def write_sheet(out: Path, people: Count, seed: Natural, size: Side, *, clean: bool, track: Track = iter) -> None:
    """Write one picture of people (columns) who show each expression (rows), with captions, `size` pixels a face.

    `clean` draws them in colour, frontal and evenly lit; else they are as a network gets them, 48×48, enlarged.
    """
    if out.suffix.lower() not in WRITABLE:
        raise OutputError(f"{out}: a picture is written as {', '.join(sorted(WRITABLE))}")
    faces = []
    with whole(out, replace=False) as part:
        for name, person in track([(name, person) for name in EXPRESSIONS for person in range(people)]):
            faces.append(render_face(seed, person, name, size if clean else 48, colour=clean, clean=clean))
        captions = ["" if place % people else face.expression for place, face in enumerate(faces)]
        save_picture(part, contact_sheet([face.image for face in faces], captions, people, cell=size))


def info_line(name: str, faces: Sequence[SceneFace]) -> str:
    """One line of OpenCV's info format: `path<TAB>count<TAB>x y w h …`."""
    boxes = " ".join(str(number) for face in faces for number in face.box)
    return f"{name}\t{len(faces)}\t{boxes}\n" if faces else f"{name}\t0\n"


def _places(train: int, val: int, test: int) -> list[tuple[str, int]]:
    sizes = zip(USAGES, (train, val, test), strict=True)
    return [(split, place) for split, size in sizes for place in range(size)]


def _described(scene: Scene) -> dict[str, object]:
    height, width = scene.image.shape[:2]
    faces = [
        {**vars(face), "eyes": face.eyes.round(2).tolist(), "mouth": face.mouth.round(2).tolist()}
        for face in scene.faces
    ]
    return {"width": width, "height": height, "faces": faces}


def _write_json(path: Path, **content: object) -> None:
    path.write_text(json.dumps({"expressions": EXPRESSIONS, **content}, indent=1) + "\n", encoding="utf-8")
