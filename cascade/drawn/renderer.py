"""One drawn face: the same pixels for the same seed and index, whatever else is rendered, and where."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.drawn import features, head
from cascade.drawn.dice import Dice, drawn
from cascade.drawn.parameters import EXPRESSIONS, ActionUnits, Identity, Light, Pose
from cascade.drawn.sketch import Array, Sketch, turned
from cascade.pictures import Image

#: Side of a face's frame at scale 1, in face units: a box by the rule of `boxes.face_box` fills nine tenths of it.
FRAME = 2.2
#: The middle of the frame lies this far below the eyes.
_FRAME_CENTRE = 0.32
#: Draws per face: more than any face takes, so that one call fills them all.
_DRAWS = 176
#: Fixed-point bits of OpenCV's drawing coordinates.
_BITS = 4
#: What OpenCV makes of blue, green and red when it turns a picture gray.
GRAY = (0.114, 0.587, 0.299)
#: Extent of the shading map, in face units around the origin, and its side in cells.
_REACH, _CELLS = 2.4, 33
_CELL_AT = np.linspace(-_REACH, _REACH, _CELLS)
#: How light from the side and from above changes over a head.
_LEAN, _FALL = np.tanh(_CELL_AT), np.tanh(_CELL_AT - 0.3)


@dataclass(frozen=True)
class RenderedFace:
    """A face and what is known about it."""

    image: Image  # uint8 (size, size) gray, or (size, size, 3) BGR
    expression: str  # one of EXPRESSIONS
    eyes: Array  # (2, 2) pupils' (x, y) in pixels, the one on the picture's left first
    mouth: Array  # (2,) middle of the mouth, (x, y) in pixels


@dataclass(frozen=True)
class Subject:
    """Everything that decides a face's pixels, but for background and noise."""

    identity: Identity
    units: ActionUnits
    pose: Pose
    light: Light
    expression: str


def generator(seed: int, *path: int) -> np.random.Generator:
    """A random generator of its own for every seed and path, indices that tell apart what is drawn under one seed.

    Raises:
        ValueError: One of them is negative.
    """
    if seed < 0 or min(path, default=0) < 0:
        raise ValueError(f"seed and index must not be negative, got {seed} and {path}")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *path])))


def draw_subject(rng: np.random.Generator, expression: str | None = None) -> Subject:
    """Draw a person, a pose and a light, the same for every expression, which is drawn as well where it is None."""
    dice = Dice(rng, _DRAWS)
    by_lot = EXPRESSIONS[dice.pick(len(EXPRESSIONS))]
    shown = expression or by_lot
    identity, pose, light = drawn(Identity, dice), drawn(Pose, dice), drawn(Light, dice)
    return Subject(identity, ActionUnits.draw(dice, shown), pose, light, shown)


def render_face(
    seed: int, index: int, expression: str | None = None, size: int = 48, *, colour: bool = False, clean: bool = False
) -> RenderedFace:
    """Render one face, framed like fer2013's.

    Args:
        seed: From 0 up.
        index: From 0 up; together with the seed it decides everything.
        expression: One of `EXPRESSIONS`, drawn by lot where it is None. Person, pose, light and background are the
            same for every expression.
        size: Side in pixels, 16 or more.
        colour: BGR in place of gray.
        clean: Even light, a frontal pose and no noise, for pictures that explain.

    Raises:
        ValueError: Where the expression is unknown, the size too small, or seed or index negative.
    """
    if size < 16:
        raise ValueError(f"a face needs 16 pixels or more, not {size}")
    if expression is not None and expression not in EXPRESSIONS:
        raise ValueError(f"expression {expression!r} is none of {', '.join(EXPRESSIONS)}")
    rng = generator(seed, index)
    subject = draw_subject(rng, expression)
    if clean:
        pose = Pose(mirrored=subject.pose.mirrored, scale=0.61, shift=(0.0, 0.06))
        subject = replace(subject, pose=pose, light=Light(side=0.35))
    image = _backdrop(rng, size, colour=colour, clean=clean)
    matrix = affine(subject.pose, size / FRAME, *((0.5 + shift) * size for shift in subject.pose.shift))
    paint(image, subject, matrix)
    return RenderedFace(expose(image, subject.light, rng), subject.expression, *landmarks(subject, matrix))


def affine(pose: Pose, unit: float, x: float, y: float) -> Array:
    """The (2, 3) map that turns a face and puts its frame's middle at (x, y); `unit` is pixels per face unit."""
    cos, sin = unit * pose.scale * math.cos(pose.roll), unit * pose.scale * math.sin(pose.roll)
    return np.array([[cos, -sin, x + sin * _FRAME_CENTRE], [sin, cos, y - cos * _FRAME_CENTRE]])


def landmarks(subject: Subject, matrix: Array) -> tuple[Array, Array]:
    """Pupils (2, 2) and the middle of the mouth (2,), in pixels of the picture painted with `matrix`."""
    who = subject.identity
    mouth = features.mouth_centre(who, subject.units)
    points = np.array([[-who.eye_distance, 0.0], [who.eye_distance, 0.0], mouth])
    placed = turned(points[:, 0], points[:, 1], np.zeros(3), subject.pose, who) @ matrix[:, :2].T + matrix[:, 2]
    return placed[:2], placed[2]


def paint(image: Image, subject: Subject, matrix: Array, supersampling: int = 3) -> None:
    """Paint head, neck and shoulders into a picture in place, uint8 (H, W) or (H, W, 3) BGR, contiguous or not.

    `matrix`, (2, 3), takes face units to pixels; shapes are drawn `supersampling` times as large and averaged.
    """
    height, width = image.shape[:2]
    large = (width * supersampling, height * supersampling)
    # Enlarging by repetition and shrinking by averaging leaves what is not painted on as it was.
    canvas = cv2.resize(image, large, interpolation=cv2.INTER_NEAREST)
    body = np.zeros((large[1], large[0]), np.uint8)
    drawing = _sketch(subject)
    points = drawing.points(subject.pose, subject.identity) @ matrix[:, :2].T + matrix[:, 2]
    # OpenCV's whole numbers are the centres of pixels.
    fixed = (((points + 0.5) * supersampling - 0.5) * (1 << _BITS)).astype(np.int32)
    unit = math.hypot(matrix[0, 0], matrix[1, 0]) * supersampling
    gray = image.ndim == 2
    start = 0
    for shape in drawing.shapes:
        part = fixed[start : start + len(shape.x)]
        start += len(shape.x)
        blue, green, red = shape.colour
        value = GRAY[0] * blue + GRAY[1] * green + GRAY[2] * red if gray else shape.colour
        if shape.thickness:
            cv2.polylines(canvas, [part], False, value, max(1, round(shape.thickness * unit)), cv2.LINE_8, _BITS)
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
    who, does, pose = subject.identity, subject.units, subject.pose
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
    x, y, width, height, strength = np.array(drawing.glows).T
    places = turned(x, y, np.where(np.abs(x) > 0.9, np.nan, 0.0), subject.pose, subject.identity)
    across = np.exp(-0.5 * ((_CELL_AT - places[:, :1]) / width[:, None]) ** 2)
    down = np.exp(-0.5 * ((_CELL_AT - places[:, 1:]) / height[:, None]) ** 2) * strength[:, None]
    soft = down.T @ across
    soft += 0.26 * subject.light.side * _LEAN
    soft -= (0.22 * subject.light.top * _FALL)[:, None]
    # Cells of the map to pixels
    grid = matrix.copy()
    grid[:, 2] -= _REACH * (matrix[:, 0] + matrix[:, 1])
    grid[:, :2] *= 2.0 * _REACH / (_CELLS - 1)
    warped = cv2.warpAffine(soft.astype(np.float32), grid, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def _backdrop(rng: np.random.Generator, side: int, *, colour: bool, clean: bool) -> Image:
    """A blurred room: a few random patches, smoothly joined."""
    patches = rng.integers(20, 235, (4, 4, 3), dtype=np.uint8)
    if clean:
        patches = 172 + patches // 8
    if not colour:
        patches = np.ascontiguousarray(patches[:, :, 1])
    return np.asarray(cv2.resize(patches, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def expose(image: Image, light: Light, rng: np.random.Generator) -> Image:
    """A new picture with blur, contrast, brightness and noise, as the camera would have it."""
    sigma = light.blur * len(image)
    if sigma > 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    gain = light.contrast * light.exposure
    exposed = image * np.float32(gain)
    exposed += 122.0 * (light.exposure - gain)
    if light.noise > 0.0:
        exposed += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(light.noise)
    return np.asarray(np.clip(exposed, 0.0, 255.0), np.uint8)
