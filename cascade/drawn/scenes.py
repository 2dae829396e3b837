"""Pictures and moving pictures of several people, with the boxes of their faces."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from cascade.boxes import Box, face_box
from cascade.drawn.backgrounds import draw_background
from cascade.drawn.dice import Dice
from cascade.drawn.parameters import ActionUnits, Light
from cascade.drawn.renderer import FRAME, GRAY, Subject, affine, draw_subject, expose, generator, landmarks, paint
from cascade.drawn.sketch import Array
from cascade.errors import ConfigError
from cascade.pictures import Image

# Tags that keep the random streams of different products apart.
_SCENE, _CHIP, _FILM = 1, 2, 4
#: Extents around the middle of a face's frame, in face units: left, top, right and bottom of the head with
#: its hair, of what is below it, and of the whole.
_HEAD = (-1.6, -2.2, 1.6, 2.0)
_TORSO = (-3.0, 1.9, 3.0, 12.0)
_FIGURE = (-3.1, -2.3, 3.1, 12.0)
#: Faces smaller than this are drawn larger and averaged more.
_SMALL = 40.0


@dataclass(frozen=True)
class SceneFace:
    """One annotated face."""

    box: Box  # by the rule of `boxes.face_box`, always inside the picture
    expression: str  # one of `parameters.EXPRESSIONS`
    person: int  # from 0 up, the same person's number in all frames of a film
    eyes: Array  # (2, 2) pupils' (x, y) in pixels, the one on the picture's left first
    mouth: Array  # (2,) middle of the mouth, (x, y) in pixels


@dataclass(frozen=True)
class Scene:
    """A picture, uint8 BGR (H, W, 3) or gray (H, W), and every face in it."""

    image: Image
    faces: tuple[SceneFace, ...]


def render_scene(
    seed: int,
    index: int,
    width: int = 640,
    height: int = 480,
    n_faces: int = 3,
    *,
    min_size: float = 40.0,
    max_size: float | None = None,
) -> Scene:
    """Draw a place with people in it, none of whose faces hides another; all sizes are in pixels.

    Args:
        seed: From 0 up.
        index: From 0 up; together with the other arguments it decides everything.
        width: Of the picture.
        height: Of the picture.
        n_faces: Wanted faces; there are fewer where no more fit.
        min_size: Smallest width of a face's box.
        max_size: Largest one; a third of the picture's smaller side where it is None.

    Raises:
        ConfigError: The picture cannot hold a face of `min_size`, or `max_size` is below it.
    """
    largest = max_size if max_size is not None else max(min_size, min(width, height) / 3.0)
    if largest < min_size or min_size < 12 or 1.6 * min_size > min(width, height):
        raise ConfigError(
            f"faces of {min_size:g} to {largest:g} pixels do not fit {width}×{height}; "
            "they must be 12 or more wide and at most 5/8 of the smaller side"
        )
    rng = generator(seed, index, _SCENE)
    image = draw_background(rng, width, height)
    sizes = np.sort(np.exp(rng.uniform(math.log(min_size), math.log(largest), n_faces)))
    light = _scene_light(rng)
    faces: list[SceneFace] = []
    heads: list[Array] = []
    # The smallest stand farthest back: painted first, and no later figure may cover their heads.
    for size in sizes:
        subject = _sitter(rng, light)
        for attempt in range(200):
            # Where the place is crowded, people are let in who stand a little farther off.
            shrunk = max(min_size, float(size) * 0.9 ** (attempt // 40))
            x, y = rng.uniform(0.0, width), rng.uniform(0.0, height)
            matrix = affine(subject.pose, _unit(subject, shrunk), x, y)
            face = _annotate(subject, matrix, len(faces))
            own_head, torso = _extent(_HEAD, matrix, x, y), _extent(_TORSO, matrix, x, y)
            hidden = any(_meet(own_head, head) or _meet(torso, head) for head in heads)
            if _inside(face.box, width, height) and not hidden:
                _paint_figure(image, subject, matrix, x, y)
                faces.append(face)
                heads.append(own_head)
                break
    return Scene(expose(image, light, rng), tuple(faces))


def render_chip(seed: int, index: int, *, colour: bool = False) -> Scene:
    """Draw one face with margin around it, as detectors are trained on: 48 to 96 pixels, 1.83 boxes wide.

    The picture is gray (side, side) or, with `colour`, BGR (side, side, 3).
    """
    rng = generator(seed, index, _CHIP)
    side = int(rng.integers(48, 97))
    image = draw_background(rng, side, side)
    light = replace(_scene_light(rng), blur=0.008 * float(rng.random()))
    subject = _sitter(rng, light)
    x, y = (side * (0.5 + 0.01 * rng.standard_normal(2))).tolist()
    matrix = affine(subject.pose, _unit(subject, side / 1.83), x, y + 0.02 * side)
    _paint_figure(image, subject, matrix, x, y)
    image = expose(image, light, rng)
    if not colour:
        image = np.rint(image @ np.array(GRAY)).astype(np.uint8)
    return Scene(image, (_annotate(subject, matrix, 0),))


def moving_scene(
    seed: int, frames: int, width: int = 640, height: int = 480, n_faces: int = 2, *, size: float | None = None
) -> Iterator[Scene]:
    """Film people who move in front of a still background.

    Everyone keeps to a column of the picture, sways, nears and retreats, blinks, and shows one expression
    whose strength changes slowly. All are in every frame, numbered by `SceneFace.person` from the left; `size` is the
    mean width of a face's box in pixels, chosen to fit where it is None.

    Raises:
        ConfigError: The faces do not fit side by side.
    """
    column = width / max(n_faces, 1)
    fitting = min(0.36 * column, 0.36 * height)
    size = fitting if size is None else size
    if not 12 <= size <= 1.2 * fitting:
        fit = f"sizes from 12 to {1.2 * fitting:.0f} do"
        raise ConfigError(f"{n_faces} faces of {size:g} pixels do not fit {width}×{height} side by side; {fit}")
    rng = generator(seed, _FILM)
    background, light = draw_background(rng, width, height), _scene_light(rng)
    people = [_sitter(rng, light) for _ in range(n_faces)]
    # Two slow waves per person and motion: (x, y, size, roll, yaw, strength), cycles per frame and phase.
    pace = rng.uniform(0.004, 0.016, (n_faces, 6))
    phase = rng.uniform(0.0, 2.0 * math.pi, (n_faces, 6))
    for number in range(frames):
        image, faces = background.copy(), []
        waves = np.sin(phase + 2.0 * math.pi * pace * number).tolist()
        for person, (still, sway) in enumerate(zip(people, waves, strict=True)):
            subject = _at(still, sway, blinking=(number + 31 * person) % 67 < 3)
            x = column * (person + 0.5) + 0.14 * column * sway[0]
            y = height * 0.46 + 0.10 * height * sway[1]
            matrix = affine(subject.pose, _unit(subject, size * (1.0 + 0.12 * sway[2])), x, y)
            _paint_figure(image, subject, matrix, x, y)
            faces.append(_annotate(subject, matrix, person))
        yield Scene(expose(image, light, rng), tuple(faces))


def _scene_light(rng: np.random.Generator) -> Light:
    """One lamp and one camera for all in a picture, kinder than those of the single faces."""
    dice = Dice(rng, 5)
    side, top = dice.between(-0.7, 0.7), dice.between(-0.1, 0.7)
    exposure, contrast, noise = dice.between(0.88, 1.1), dice.between(0.85, 1.1), dice.between(0.0, 5.0)
    return Light(side, top, exposure, contrast, noise=noise)


def _sitter(rng: np.random.Generator, light: Light) -> Subject:
    """A person who looks towards the camera."""
    subject = draw_subject(rng)
    pose = subject.pose
    held = replace(pose, roll=0.6 * pose.roll, yaw=0.7 * pose.yaw, pitch=0.7 * pose.pitch, scale=1.0)
    return replace(subject, pose=held, light=light)


def _at(still: Subject, sway: list[float], *, blinking: bool) -> Subject:
    """A person at one moment of a film."""
    strength = 0.90 + 0.10 * sway[5]
    units = {name: level * strength for name, level in vars(still.units).items()}
    if blinking:
        units["lid_droop"] = 1.0
    roll, yaw = still.pose.roll * 0.5 + 0.07 * sway[3], still.pose.yaw * 0.5 + 0.14 * sway[4]
    return replace(still, units=ActionUnits(**units), pose=replace(still.pose, roll=roll, yaw=yaw))


def _unit(subject: Subject, size: float) -> float:
    """Pixels per face unit at which this person's box is `size` pixels wide."""
    trial = 100.0
    eyes, mouth = landmarks(subject, affine(subject.pose, trial, 0.0, 0.0))
    return trial * size / float(face_box(eyes, mouth)[2])


def _annotate(subject: Subject, matrix: Array, person: int) -> SceneFace:
    eyes, mouth = landmarks(subject, matrix)
    box = Box(*np.rint(face_box(eyes, mouth)).astype(int).tolist())
    return SceneFace(box, subject.expression, person, eyes, mouth)


def _paint_figure(image: Image, subject: Subject, matrix: Array, x: float, y: float) -> None:
    """Paint a person into the part of the picture that it covers."""
    unit = math.hypot(matrix[0, 0], matrix[1, 0])
    height, width = image.shape[:2]
    left, top, right, bottom = _extent(_FIGURE, matrix, x, y).tolist()
    # A tilted figure leans out of its upright extent.
    lean = abs(math.sin(subject.pose.roll)) * 8.0 * unit
    x0, y0 = max(0, math.floor(left - lean)), max(0, math.floor(top - 0.5 * lean))
    x1, y1 = min(width, math.ceil(right + lean)), min(height, math.ceil(bottom))
    moved = matrix.copy()
    moved[:, 2] -= (x0, y0)
    paint(image[y0:y1, x0:x1], subject, moved, 4 if unit * FRAME < _SMALL else 3)


def _extent(around: tuple[float, float, float, float], matrix: Array, x: float, y: float) -> Array:
    """(4,): left, top, right and bottom in pixels of an extent around (x, y)."""
    return np.array([x, y, x, y]) + np.array(around) * math.hypot(matrix[0, 0], matrix[1, 0])


def _meet(one: Array, other: Array) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def _inside(box: Box, width: int, height: int) -> bool:
    """True where a face lies in the picture with a little air around it."""
    x, y, wide, high = box
    air = 0.08 * wide
    return x >= air and y >= 0.2 * high and x + wide + air <= width and y + high + air <= height
