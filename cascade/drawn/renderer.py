"""One drawn face: the same pixels for the same seed and index, whatever else is rendered, and where."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.drawn import features, head
from cascade.drawn.parameters import Dice, Expression, Identity, Light, Pose
from cascade.drawn.sketch import Array, Sketch, turned
from fer.labels import EXPRESSIONS

Image = NDArray[np.uint8]

#: Side of the square that a face at scale 1 is painted into, in face units: a box by the rule of
#: `boxes.face_box` fills nine tenths of it.
FRAME = 2.2
#: The middle of the frame lies this far below the eyes.
_FRAME_CENTRE = 0.32
#: Draws per face: more than any face takes, so that one call fills them all.
_DRAWS = 176
#: Shapes are drawn this many times as large as wanted.
SUPERSAMPLING = 3
#: Fixed-point bits of OpenCV's drawing coordinates.
_BITS = 4
#: Extent of the shading map, in face units around the origin, and its side in cells.
_REACH, _CELLS = 2.4, 33
_CELL_AT = np.linspace(-_REACH, _REACH, _CELLS)
#: How light from the side and from above changes over a head.
_LEAN, _FALL = np.tanh(_CELL_AT), np.tanh(_CELL_AT - 0.3)


@dataclass(frozen=True)
class RenderedFace:
    """A face and what is known about it.

    Attributes:
        image: uint8 (size, size) gray, or (size, size, 3) BGR.
        label: Index into `fer.labels.EXPRESSIONS`.
        eyes: (2, 2) pupils' (x, y) in pixels, the one on the picture's left first.
        mouth: (2,) middle of the mouth, (x, y) in pixels.
    """

    image: Image
    label: int
    eyes: Array
    mouth: Array


@dataclass(frozen=True)
class Subject:
    """Everything that decides a face's pixels, but for background and noise."""

    identity: Identity
    expression: Expression
    pose: Pose
    light: Light
    label: int


def generator(seed: int, *path: int) -> np.random.Generator:
    """A random generator of its own for every seed and index.

    Args:
        seed: From 0 up.
        path: Indices from 0 up that tell apart what is drawn under one seed.

    Raises:
        ValueError: Where one of them is negative.
    """
    if seed < 0 or min(path, default=0) < 0:
        raise ValueError(f"seed and index must not be negative, got {seed} and {path}")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *path])))


def draw_subject(rng: np.random.Generator, label: int | None = None) -> Subject:
    """Draw a person, a pose, a light and an expression.

    The same generator gives the same person, pose and light for every label.

    Args:
        rng: Fresh from `generator`.
        label: Index into `fer.labels.EXPRESSIONS`; drawn as well where it is None.
    """
    dice = Dice(rng, _DRAWS)
    drawn = dice.pick(len(EXPRESSIONS))
    label = drawn if label is None else label
    identity, pose, light = Identity.draw(dice), Pose.draw(dice), Light.draw(dice)
    return Subject(identity, Expression.draw(dice, label), pose, light, label)


def render_face(
    seed: int,
    index: int,
    expression: int | str | None = None,
    size: int = 48,
    *,
    colour: bool = False,
    clean: bool = False,
) -> RenderedFace:
    """Render one face, framed like fer2013's.

    Args:
        seed: From 0 up.
        index: From 0 up; together with the seed it decides everything.
        expression: Name or index of the expression, drawn by lot where it is None. Person, pose, light
            and background are the same for every expression.
        size: Side in pixels, 16 or more.
        colour: BGR in place of gray.
        clean: Even light, a frontal pose and no noise, for pictures that explain.

    Raises:
        ValueError: Where the expression is unknown, the size too small, or seed or index negative.
    """
    if size < 16:
        raise ValueError(f"a face needs 16 pixels or more, not {size}")
    label = _label(expression)
    rng = generator(seed, index)
    subject = draw_subject(rng, label)
    if clean:
        pose = Pose(mirrored=subject.pose.mirrored, scale=0.61, shift=(0.0, 0.06))
        subject = replace(subject, pose=pose, light=Light(side=0.35))
    image = _backdrop(rng, size, colour=colour, clean=clean)
    matrix = placement(subject.pose, size)
    paint(image, subject, matrix)
    eyes, mouth = landmarks(subject, matrix)
    image = expose(image, subject.light, rng)
    return RenderedFace(image, subject.label, eyes, mouth)


def _label(expression: int | str | None) -> int | None:
    if expression is None:
        return None
    if isinstance(expression, str):
        if expression not in EXPRESSIONS:
            raise ValueError(f"expression {expression!r} is none of {', '.join(EXPRESSIONS)}")
        return EXPRESSIONS.index(expression)
    if not 0 <= expression < len(EXPRESSIONS):
        raise ValueError(f"expression {expression} is not in 0 to {len(EXPRESSIONS) - 1}")
    return int(expression)


def placement(pose: Pose, side: int) -> Array:
    """The (2, 3) affine map from face units to the pixels of a square picture."""
    return affine(pose, side / FRAME, (0.5 + pose.shift[0]) * side, (0.5 + pose.shift[1]) * side)


def affine(pose: Pose, unit: float, x: float, y: float) -> Array:
    """The (2, 3) map that turns a face by its roll and puts the middle of its frame at (x, y).

    Args:
        pose: Its roll and scale count.
        unit: Pixels per face unit at scale 1.
        x: In pixels.
        y: In pixels.
    """
    cos, sin = unit * pose.scale * math.cos(pose.roll), unit * pose.scale * math.sin(pose.roll)
    return np.array([[cos, -sin, x + sin * _FRAME_CENTRE], [sin, cos, y - cos * _FRAME_CENTRE]])


def landmarks(subject: Subject, matrix: Array) -> tuple[Array, Array]:
    """Pupils (2, 2) and the middle of the mouth (2,), in pixels of the picture painted with `matrix`."""
    who = subject.identity
    mouth = features.mouth_centre(who, subject.expression)
    points = np.array([[-who.eye_distance, 0.0], [who.eye_distance, 0.0], mouth])
    placed = turned(points[:, 0], points[:, 1], np.zeros(3), subject.pose, who) @ matrix[:, :2].T + matrix[:, 2]
    return placed[:2], placed[2]


def paint(image: Image, subject: Subject, matrix: Array, supersampling: int = SUPERSAMPLING) -> None:
    """Paint head, neck and shoulders into a picture.

    Args:
        image: uint8 (H, W) or (H, W, 3) BGR, contiguous or not, changed in place.
        subject: Whom to paint.
        matrix: (2, 3), face units to pixels, from `placement` or `affine`.
        supersampling: Shapes are drawn this many times as large and averaged: smooth edges.
    """
    height, width = image.shape[:2]
    large = (width * supersampling, height * supersampling)
    # Enlarging by repetition and shrinking by averaging leaves what is not painted on as it was.
    canvas = cv2.resize(image, large, interpolation=cv2.INTER_NEAREST)
    body = np.zeros((large[1], large[0]), np.uint8)
    drawing = _sketch(subject)
    points = drawing.points(subject.pose, subject.identity) @ matrix[:, :2].T + matrix[:, 2]
    # OpenCV's whole numbers are the centres of pixels.
    fixed = ((points + 0.5) * supersampling - 0.5) * (1 << _BITS)
    fixed = fixed.astype(np.int32)
    unit = math.hypot(matrix[0, 0], matrix[1, 0]) * supersampling
    gray = image.ndim == 2
    for shape in drawing.shapes:
        part = fixed[shape.start : shape.stop]
        colour = shape.colour
        value = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] if gray else colour
        if shape.thickness:
            thickness = max(1, round(shape.thickness * unit))
            cv2.polylines(canvas, [part], False, value, thickness, cv2.LINE_8, _BITS)
        else:
            cv2.fillPoly(canvas, [part], value, cv2.LINE_8, _BITS)
            if shape.body:
                cv2.fillPoly(body, [part], 255, cv2.LINE_8, _BITS)
    painted = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(body, (width, height), interpolation=cv2.INTER_AREA)
    factor = _shading(drawing, subject, matrix, (width, height))
    factor *= cover * np.float32(1.0 / 255.0)
    factor += 1.0
    shaded = painted * (factor if gray else factor[:, :, None])
    np.minimum(shaded, 255.0, out=shaded)
    image[...] = shaded


def _sketch(subject: Subject) -> Sketch:
    """All shapes of head, neck and shoulders, in the order of painting."""
    who, does, pose = subject.identity, subject.expression, subject.pose
    drawing = Sketch()
    head.hair_behind(drawing, who)
    head.body(drawing, who)
    head.head(drawing, who, does)
    features.moustache(drawing, who, does)
    for sign in (-1.0, 1.0):
        features.eye(drawing, who, does, pose, sign)
    features.wrinkles(drawing, who, does)
    features.nose(drawing, who, does)
    features.mouth(drawing, who, does)
    for sign in (-1.0, 1.0):
        features.brow(drawing, who, does, sign)
    head.hair_in_front(drawing, who, -1.0 if pose.mirrored else 1.0)
    head.glasses(drawing, who)
    return drawing


def _shading(drawing: Sketch, subject: Subject, matrix: Array, size: tuple[int, int]) -> NDArray[np.float32]:
    """The soft light and shadow of a round head: float32 (H, W), 0 where it changes nothing."""
    glows = np.array(drawing.glows)
    relief = np.where(np.abs(glows[:, 0]) > 0.9, np.nan, 0.0)
    places = turned(glows[:, 0], glows[:, 1], relief, subject.pose, subject.identity)
    across = np.exp(-0.5 * ((_CELL_AT - places[:, :1]) / glows[:, 2:3]) ** 2)
    down = np.exp(-0.5 * ((_CELL_AT - places[:, 1:]) / glows[:, 3:4]) ** 2) * glows[:, 4:]
    soft = down.T @ across
    soft += 0.26 * subject.light.side * _LEAN
    soft -= (0.22 * subject.light.top * _FALL)[:, None]
    grid = matrix.copy()
    grid[:, 2] -= _REACH * (matrix[:, 0] + matrix[:, 1])
    grid[:, :2] *= 2.0 * _REACH / (_CELLS - 1)
    return np.asarray(
        cv2.warpAffine(soft.astype(np.float32), grid, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _backdrop(rng: np.random.Generator, side: int, *, colour: bool, clean: bool) -> Image:
    """A blurred room: a few random patches, smoothly joined."""
    patches = rng.integers(20, 235, (4, 4, 3), dtype=np.uint8)
    if clean:
        patches = 172 + patches // 8
    if not colour:
        patches = np.ascontiguousarray(patches[:, :, 1])
    return np.asarray(cv2.resize(patches, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def expose(image: Image, light: Light, rng: np.random.Generator) -> Image:
    """Blur, contrast, brightness and noise, as the camera would have it.

    Args:
        image: uint8 (H, W) or (H, W, 3).
        light: What to do.
        rng: For the noise.

    Returns:
        A new picture of the same shape and type.
    """
    sigma = light.blur * len(image)
    if sigma > 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    gain = light.contrast * light.exposure
    offset = 122.0 * (light.exposure - gain)
    exposed = image * np.float32(gain)
    exposed += offset
    if light.noise > 0.0:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= light.noise
        exposed += noise
    np.minimum(np.maximum(exposed, 0.0, out=exposed), 255.0, out=exposed)
    return exposed.astype(np.uint8)
