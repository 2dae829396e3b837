"""From a person, an expression and a pose to coloured shapes, still without a single pixel.

Every feature is a function of its action units: lids and lips are curves over u in [−1, 1], so that the
iris is cut off by the lids and the teeth by the lips exactly, with no masks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer.data.synthetic.parameters import Colour, Expression, Identity, Pose

Array = NDArray[np.float64]

#: How far the tip of an average nose stands out, and the ears lie back, in face units.
_NOSE_RELIEF, _EAR_RELIEF = 0.20, -0.25
#: Depth of the head from the plane of its outline to its front.
_DEPTH = 0.85

_ANGLES = np.linspace(0.0, 2.0 * math.pi, 20, endpoint=False)
_COS, _SIN = np.cos(_ANGLES), np.sin(_ANGLES)
_QUARTER = np.linspace(0.0, 0.5 * math.pi, 10)
_QUARTER_COS, _QUARTER_SIN = np.cos(_QUARTER), np.sin(_QUARTER)

_U = np.linspace(-1.0, 1.0, 13)
_DOME = 1.0 - _U**2
_LID = _DOME**0.75
_LIP = np.sqrt(_DOME)
_BOX = _DOME**0.3
_CUPID = _LIP * (1.0 - 0.35 * np.exp(-((_U / 0.16) ** 2)))
_CORNER = np.abs(_U) ** 1.7
_T = np.linspace(0.0, 1.0, 8)
_TAPER = np.sqrt(np.clip(1.0 - _T**3, 0.0, 1.0)) * (0.72 + 0.28 * _T)
_ARCH = np.sin(math.pi * _T)


class Shape(NamedTuple):
    """One filled polygon or one stroke.

    Attributes:
        start: Index of its first point in the sketch.
        stop: One past its last point.
        colour: Blue, green, red.
        thickness: Width of the stroke in face units, 0 for a filled polygon.
        body: True where it belongs to head, hair or neck, and the face's own shading falls on it.
    """

    start: int
    stop: int
    colour: Colour
    thickness: float
    body: bool


@dataclass
class Sketch:
    """Shapes in the order of painting, and the soft shading that lies on the body's shapes.

    Attributes:
        shapes: In the order of painting.
        glows: Rows (x, y, width, height, strength): soft spots, brighter or, negative, darker.
    """

    shapes: list[Shape] = field(default_factory=list)
    glows: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    _x: list[Array] = field(default_factory=list)
    _y: list[Array] = field(default_factory=list)
    _relief: list[float] = field(default_factory=list)
    _count: int = 0

    def fill(
        self, x: Array, y: Array, colour: Colour, relief: float | None = 0.0, *, body: bool = False
    ) -> None:
        """Add a polygon.

        Args:
            x: (N,) in face units.
            y: (N,) in face units.
            colour: Blue, green, red.
            relief: How far it stands out from the head's surface; None where it lies in the outline's
                plane and does not turn with the head.
            body: See `Shape`.
        """
        self._add(x, y, colour, 0.0, relief, body)

    def stroke(
        self, x: Array | Sequence[float], y: Array | Sequence[float], colour: Colour, thickness: float
    ) -> None:
        """Add a line on the head's surface, its thickness in face units."""
        self._add(np.asarray(x, float), np.asarray(y, float), colour, thickness, 0.0, False)

    def ellipse(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        relief: float | None = 0.0,
        *,
        body: bool = False,
    ) -> None:
        """Add an ellipse with its half-axes `width` and `height`."""
        self._add(x + width * _COS, y + height * _SIN, colour, 0.0, relief, body)

    def glow(self, x: float, y: float, width: float, height: float, strength: float) -> None:
        """Lighten (or darken) softly around a place; `strength` is a share of the brightness."""
        self.glows.append((x, y, width, height, strength))

    def _add(
        self, x: Array, y: Array, colour: Colour, thickness: float, relief: float | None, body: bool
    ) -> None:
        self._x.append(x)
        self._y.append(y)
        self._relief.append(math.nan if relief is None else relief)
        self.shapes.append(Shape(self._count, self._count + len(x), colour, thickness, body))
        self._count += len(x)

    def points(self, pose: Pose, identity: Identity) -> Array:
        """All points after the turn of the head, (N, 2) in face units, roll and scale not yet applied."""
        relief = np.repeat(self._relief, [len(x) for x in self._x])
        return turned(np.concatenate(self._x), np.concatenate(self._y), relief, pose, identity)


def turned(x: Array, y: Array, relief: Array, pose: Pose, identity: Identity) -> Array:
    """Turn points on an ellipsoidal head by yaw and pitch and project them along the line of sight.

    Args:
        x: (N,) seen from the front.
        y: (N,) seen from the front.
        relief: (N,) height over the surface; NaN for points that do not turn.
        pose: The turn.
        identity: Gives the head's size.

    Returns:
        (N, 2).
    """
    roundness = 1.0 - (x * (0.926 / identity.width)) ** 2 - ((y - 0.1) * (1.0 / 1.75)) ** 2
    # The turn pushes the front by sin · depth; on average the eyes and the mouth stay in their place.
    depth = _DEPTH * np.sqrt(np.maximum(roundness, 0.0)) + (relief - 0.35 * _DEPTH)
    result = np.empty((len(x), 2))
    result[:, 0] = np.where(relief == relief, x * math.cos(pose.yaw) + math.sin(pose.yaw) * depth, x)
    result[:, 1] = np.where(relief == relief, y * math.cos(pose.pitch) + math.sin(pose.pitch) * depth, y)
    return result


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or lighter, kept within 0 to 255."""
    return min(255.0, colour[0] * factor), min(255.0, colour[1] * factor), min(255.0, colour[2] * factor)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way from the first to the second."""
    return (
        one[0] + share * (other[0] - one[0]),
        one[1] + share * (other[1] - one[1]),
        one[2] + share * (other[2] - one[2]),
    )


def mouth_centre(identity: Identity, expression: Expression) -> tuple[float, float]:
    """Where the mouth's middle lies in face units, seen from the front."""
    return 0.0, identity.mouth_height + 0.05 * expression.jaw_drop - 0.02 * expression.nose_wrinkle


def sketch(identity: Identity, expression: Expression, pose: Pose) -> Sketch:
    """Draw a head with neck and shoulders.

    Returns:
        The shapes in the order of painting.
    """
    drawing = Sketch()
    side = -1.0 if pose.mirrored else 1.0
    _hair_behind(drawing, identity)
    _body(drawing, identity)
    _head(drawing, identity, expression)
    _beard_under_mouth(drawing, identity, expression)
    for sign in (-1.0, 1.0):
        _eye(drawing, identity, expression, pose, sign)
    _wrinkles(drawing, identity, expression)
    _nose(drawing, identity, expression)
    _mouth(drawing, identity, expression)
    for sign in (-1.0, 1.0):
        _brow(drawing, identity, expression, sign)
    _hair_in_front(drawing, identity, side)
    _glasses(drawing, identity)
    return drawing


def _outline(width: float, top: float, bottom: float, jaw: float) -> tuple[Array, Array]:
    """A closed head shape: an ellipse above the eyes, a jaw of chosen squareness below."""
    x_low, y_low = width * _QUARTER_SIN**jaw, bottom * _QUARTER_COS
    x_high, y_high = width * _QUARTER_SIN[::-1], -top * _QUARTER_COS[::-1]
    x = np.concatenate([x_low, x_high[1:], -x_high[::-1][1:], -x_low[::-1][1:]])
    y = np.concatenate([y_low, y_high[1:], y_high[::-1][1:], y_low[::-1][1:]])
    return x, y


def _hair_behind(drawing: Sketch, who: Identity) -> None:
    if who.hair_style == "long":
        x, y = _outline(who.width * 1.30, who.crown + 0.20, 2.3, 0.45)
    elif who.hair_style == "bob":
        x, y = _outline(who.width * 1.28, who.crown + 0.18, 1.35, 0.4)
    elif who.hair_style == "curly":
        radius = 1.0 + 0.05 * np.cos(np.arange(56) * math.pi)
        angles = np.linspace(0.0, 2.0 * math.pi, 56, endpoint=False)
        x = who.width * 1.42 * radius * np.cos(angles)
        y = -0.55 + (who.crown - 0.1) * radius * np.sin(angles)
    elif who.hair_style == "bald":
        return
    else:
        x, y = _outline(who.width * 1.07, who.crown + 0.13, 0.25, 0.6)
    drawing.fill(x, y, shade(who.hair, 0.85), None, body=True)


def _body(drawing: Sketch, who: Identity) -> None:
    neck = 0.58 * who.width
    x = np.array([-neck, neck, neck * 1.15, -neck * 1.15])
    y = np.array([0.9, 0.9, 2.7, 2.7])
    drawing.fill(x, y, shade(who.skin, 0.72), None, body=True)
    x = np.array([-2.9, -2.5, -1.7, -0.75, 0.0, 0.75, 1.7, 2.5, 2.9])
    y = np.array([6.0, 2.85, 2.42, 2.12, 2.45, 2.12, 2.42, 2.85, 6.0])
    drawing.fill(x, y, who.cloth, None, body=True)


def _head(drawing: Sketch, who: Identity, does: Expression) -> None:
    for sign in (-1.0, 1.0):
        if who.hair_style not in ("long", "bob"):
            drawing.ellipse(
                sign * who.width * 1.01, 0.16, 0.15, 0.30, shade(who.skin, 0.86), _EAR_RELIEF, body=True
            )
    chin = who.chin + 0.20 * does.jaw_drop - 0.03 * does.chin_raise
    x, y = _outline(who.width, who.crown, chin, who.jaw)
    drawing.fill(x, y, who.skin, None, body=True)
    if who.beard in ("stubble", "full"):
        cover = 0.25 if who.beard == "stubble" else 0.92
        colour = mix(who.skin, shade(who.hair, 0.95), cover)
        low = y > 0.30
        x, y = x[low], y[low] + (0.06 if who.beard == "full" else 0.0)
        order = np.argsort(x)
        x, y = x[order], y[order]
        upper_x = np.array([0.80, 0.62, 0.36, 0.0, -0.36, -0.62, -0.80]) * who.width
        upper_y = np.array([0.60, 0.86, 0.80, 0.76, 0.80, 0.86, 0.60]) * (who.mouth_height / 1.0)
        drawing.fill(np.concatenate([x, upper_x]), np.concatenate([y, upper_y]), colour, None, body=True)

    glow = drawing.glow
    # What makes a face a face to a cascade: dark sockets between a bright forehead and bright cheeks.
    glow(0.0, -0.72, 0.55, 0.28, 0.16)
    for sign in (-1.0, 1.0):
        glow(sign * who.eye_distance, -0.06, 0.27, 0.17, -0.26)
        glow(sign * 0.19, -0.02, 0.08, 0.16, -0.16)
        lift = 0.12 * max(does.cheek_raise, 0.7 * does.lip_corner_pull)
        glow(sign * 0.54, 0.50 - lift, 0.22, 0.18, 0.13 + 0.12 * does.cheek_raise)
        glow(sign * (who.nose_width + 0.03), who.nose_length - 0.04, 0.07, 0.08, -0.18)
        # Hollows under the cheeks, and the turn of the head towards its sides.
        glow(sign * 0.66, 0.98, 0.16, 0.26, -0.09)
        glow(sign * who.width * 1.03, 0.0, 0.18, 0.95, -0.26)
        glow(sign * who.width * 0.92, who.chin - 0.15, 0.38, 0.35, -0.22)
    glow(0.0, 0.30, 0.08, 0.30, 0.18)
    glow(0.0, who.nose_length - 0.04, 0.09, 0.07, 0.12)
    below_lip = who.mouth_height + 0.22 + 0.25 * does.jaw_drop
    glow(0.0, below_lip, 0.20, 0.06, -0.16 - 0.14 * does.chin_raise)
    glow(0.0, below_lip + 0.19, 0.18, 0.11, 0.10 + 0.06 * does.chin_raise)
    glow(0.0, who.chin + 0.45, 1.0, 0.22, -0.20)


def _beard_under_mouth(drawing: Sketch, who: Identity, does: Expression) -> None:
    if who.beard not in ("moustache", "full"):
        return
    _, centre = mouth_centre(who, does)
    top = who.nose_length + 0.09
    width = 0.40 + 0.07 * does.lip_corner_pull + 0.05 * does.lip_stretch
    droop = 0.11 - 0.10 * does.lip_corner_pull + 0.06 * does.lip_corner_drop
    middle = centre - 0.10 - 0.10 * does.jaw_drop - 0.10 * does.upper_lip_raise - 0.05 * does.lips_part
    x = np.concatenate([_U * width, _U[::-1] * width])
    y = np.concatenate(
        [top + (middle + droop - top) * np.abs(_U) ** 1.3, middle + droop * np.abs(_U) ** 1.5 + 0.03]
    )
    drawing.fill(x, y, mix(who.skin, who.hair, 0.93), 0.03, body=True)


def _eye(drawing: Sketch, who: Identity, does: Expression, pose: Pose, sign: float) -> None:
    centre_x, half = sign * who.eye_distance, who.eye_width
    squeeze = max(does.lid_tighten, 0.75 * does.cheek_raise, 0.8 * does.nose_wrinkle)
    up = who.eye_size * 0.125 + 0.085 * does.lid_raise - 0.050 * squeeze - 0.085 * does.lid_droop
    up = max(up, 0.018)
    low = who.eye_size * 0.070 + 0.025 * does.lid_raise - 0.075 * squeeze - 0.01 * does.lid_droop
    # A smile bends the lower lid upwards; it never passes the upper one.
    low = max(low, 0.045 - up)
    along = _U * half
    slant = -who.eye_slant * _U * sign
    # A weary upper lid hangs lower at its outer end, a wide one is round.
    hang = 0.035 * does.lid_droop * _U * sign
    upper = slant + hang - up * _LID
    lower = slant + low * _DOME
    skin_dark = shade(who.skin, 0.60)
    lash = mix(shade(who.skin, 0.30), (20.0, 18.0, 22.0), 0.6)

    if does.lid_droop > 0.15 or squeeze > 0.2:
        # Skin of the lid itself, a shade darker than the socket.
        drawing.fill(
            np.concatenate([centre_x + along, centre_x + along[::-1]]),
            np.concatenate([slant - (0.15 * _LID), upper[::-1]]),
            shade(who.skin, 0.90),
        )
    x = np.concatenate([centre_x + along, centre_x + along[::-1]])
    drawing.fill(x, np.concatenate([upper, lower[::-1]]), (236.0, 240.0, 244.0))

    radius = 0.115
    gaze_x, gaze_y = pose.gaze[0], pose.gaze[1] + 0.03 * does.lid_droop
    for size, colour in ((radius, who.iris), (radius * 0.52, (14.0, 12.0, 14.0))):
        iris_u = (gaze_x + _U * size) / half
        top = np.interp(iris_u, _U, upper)
        bottom = np.interp(iris_u, _U, lower)
        ball = size * _LIP
        high = np.minimum(np.maximum(gaze_y - ball, top), bottom)
        deep = np.minimum(np.maximum(gaze_y + ball, top), bottom)
        ball_x = centre_x + gaze_x + _U * size
        drawing.fill(np.concatenate([ball_x, ball_x[::-1]]), np.concatenate([high, deep[::-1]]), colour)
    glint_y = gaze_y - 0.045
    if up > 0.08:
        drawing.ellipse(centre_x + gaze_x + 0.045, glint_y, 0.026, 0.026, (255.0, 255.0, 255.0))

    drawing.stroke(centre_x + along, upper, lash, 0.050)
    drawing.stroke(centre_x + along, lower, shade(who.skin, 0.55), 0.018)
    if does.lid_droop < 0.6:
        crease = slant - (up + 0.055) * _LID
        drawing.stroke(centre_x + along, crease, skin_dark, 0.018)
    if squeeze > 0.15:
        # The bag that the risen cheek pushes up.
        drawing.stroke(
            centre_x + along[2:-2], (lower + 0.085)[2:-2], shade(who.skin, 1.0 - 0.33 * squeeze), 0.03
        )


def _brow(drawing: Sketch, who: Identity, does: Expression, sign: float) -> None:
    lowered = does.brow_lower
    # With its inner end raised, a lowered brow is drawn together more than down (fear, sadness).
    down = lowered * (1.0 - 0.75 * does.inner_brow_raise)
    inner_x = 0.185 - 0.075 * lowered
    outer_x = 0.185 + 2.35 * who.eye_width
    inner_y = -who.brow_height + 0.02 - 0.19 * does.inner_brow_raise + 0.17 * down
    outer_y = (
        -who.brow_height
        - who.brow_tilt
        + 0.05
        - 0.20 * does.outer_brow_raise
        - 0.05 * down
        + 0.05 * does.inner_brow_raise * (1.0 - does.outer_brow_raise)
    )
    middle = -0.045 * (1.0 - 0.6 * lowered) - 0.06 * does.outer_brow_raise * does.inner_brow_raise
    thick = who.brow_thickness * _TAPER
    x = sign * (inner_x + (outer_x - inner_x) * _T)
    y = inner_y + (outer_y - inner_y) * _T + middle * _ARCH + 0.05 * does.nose_wrinkle * (1.0 - _T)
    colour = mix(shade(who.hair, 0.75), shade(who.skin, 0.42), 0.35)
    drawing.fill(
        np.concatenate([x, x[::-1]]), np.concatenate([y - thick * 0.5, (y + thick * 0.5)[::-1]]), colour, 0.03
    )


def _wrinkles(drawing: Sketch, who: Identity, does: Expression) -> None:
    def line(x: Sequence[float], y: Sequence[float], depth: float, thickness: float = 0.03) -> None:
        if depth > 0.12:
            drawing.stroke(x, y, shade(who.skin, 1.0 - 0.42 * min(depth, 1.0)), thickness)

    aged = 0.7 + 0.5 * who.age
    raised = does.outer_brow_raise * does.inner_brow_raise * aged
    for y in (-0.66, -0.80, -0.94):
        line((-0.5, -0.25, 0.0, 0.25, 0.5), (y + 0.02, y - 0.03, y - 0.02, y - 0.03, y + 0.02), 0.7 * raised)
    pinched = does.inner_brow_raise * (1.0 - does.outer_brow_raise) * aged
    for y in (-0.68, -0.80):
        line((-0.26, -0.1, 0.0, 0.1, 0.26), (y + 0.03, y - 0.01, y + 0.01, y - 0.01, y + 0.03), 0.7 * pinched)
    furrow = does.brow_lower * (1.0 - 0.5 * does.inner_brow_raise) * aged
    for sign in (-1.0, 1.0):
        line((sign * 0.055, sign * 0.075), (-0.40, -0.16), furrow, 0.035)
        if does.cheek_raise > 0.2:
            corner = sign * (who.eye_distance + who.eye_width + 0.05)
            crow = 0.7 * does.cheek_raise * aged
            line((corner, corner + sign * 0.12), (-0.03, -0.09), crow, 0.022)
            line((corner, corner + sign * 0.13), (0.04, 0.06), crow, 0.022)
        fold = max(
            0.30 * (who.age - 0.4),
            0.85 * does.lip_corner_pull,
            0.9 * does.upper_lip_raise,
            0.8 * does.nose_wrinkle,
            0.35 * does.lip_corner_drop,
        )
        wing = who.nose_width + 0.03
        end = who.mouth_width + 0.12 + 0.10 * does.lip_corner_pull + 0.02 * does.lip_stretch
        line(
            (sign * wing, sign * (wing + 0.45 * (end - wing)), sign * end, sign * (end + 0.01)),
            (
                who.nose_length - 0.10 - 0.07 * does.nose_wrinkle,
                who.nose_length + 0.03 - 0.03 * does.nose_wrinkle,
                who.mouth_height - 0.10 - 0.05 * does.lip_corner_pull,
                who.mouth_height + 0.05,
            ),
            fold,
            0.034,
        )
        if does.nose_wrinkle > 0.2:
            depth = does.nose_wrinkle
            line((sign * 0.05, sign * 0.20), (0.12, 0.02), depth, 0.03)
            line((sign * 0.07, sign * 0.23), (0.26, 0.18), depth, 0.03)
            line((sign * 0.10, sign * 0.25), (0.40, 0.34), 0.8 * depth, 0.03)
    if does.nose_wrinkle > 0.2:
        line((-0.10, 0.0, 0.10), (0.02, 0.05, 0.02), does.nose_wrinkle, 0.03)
    if does.chin_raise > 0.2:
        y = who.mouth_height + 0.24
        line((-0.16, 0.0, 0.16), (y + 0.03, y, y + 0.03), 0.7 * does.chin_raise)


def _nose(drawing: Sketch, who: Identity, does: Expression) -> None:
    base = who.nose_length - 0.055 * does.nose_wrinkle - 0.02 * does.upper_lip_raise
    flare = 1.0 + 0.16 * max(does.nose_wrinkle, 0.6 * does.brow_lower, 0.5 * does.lip_corner_pull)
    half = who.nose_width * flare
    dark = shade(who.skin, 0.66)
    for sign in (-1.0, 1.0):
        wing = np.array([0.72, 1.0, 1.02, 0.80]) * half * sign
        rise = np.array([-0.17, -0.10, -0.02, 0.03]) - 0.03 * does.nose_wrinkle
        drawing.stroke(wing, base + rise, dark, 0.028)
        drawing.ellipse(sign * half * 0.48, base + 0.01, half * 0.27, 0.030, shade(who.skin, 0.36), 0.10)
    x = np.array([-0.75, -0.3, 0.0, 0.3, 0.75]) * half
    drawing.stroke(x, base + np.array([0.035, 0.035, 0.06, 0.035, 0.035]), shade(who.skin, 0.74), 0.024)


def _mouth(drawing: Sketch, who: Identity, does: Expression) -> None:
    _, centre = mouth_centre(who, does)
    half = (
        who.mouth_width
        + 0.13 * does.lip_corner_pull
        + 0.12 * does.lip_stretch
        - 0.035 * does.lip_press
        - 0.13 * does.jaw_drop * (1.0 - does.lip_corner_pull) * (1.0 - 0.6 * does.lip_stretch)
        - 0.04 * does.tongue
    )
    corner = (
        who.mouth_curve
        - 0.20 * does.lip_corner_pull
        + 0.15 * does.lip_corner_drop
        + 0.05 * does.lip_stretch
        + 0.05 * does.upper_lip_raise
    )
    middle = centre + 0.06 * does.lip_corner_pull - 0.05 * does.chin_raise - 0.03 * does.lip_corner_drop
    rest = middle + corner * _CORNER

    gap = 0.10 * does.lips_part + 0.42 * does.jaw_drop + 0.05 * does.tongue
    square = min(1.0, max(does.clench, does.lip_stretch, 0.7 * does.lower_lip_drop))
    form = (1.0 - square) * _LIP + square * _BOX
    smile = does.lip_corner_pull
    # A smile opens downwards from a nearly straight upper lip, a gasp both ways.
    upper_share = 0.42 * (1.0 - smile) + 0.10 * smile
    raise_ = 0.13 * does.upper_lip_raise * (does.lips_part + 0.35 * does.nose_wrinkle) * _DOME
    opened = gap + 0.09 * does.lower_lip_drop * does.lips_part
    inner_top = rest - upper_share * opened * form - raise_
    inner_low = rest + (1.0 - upper_share) * opened * form
    lift = 0.08 * does.upper_lip_raise * _DOME

    thin = (1.0 - 0.75 * does.lip_press) * who.lips * (1.0 - 0.25 * smile - 0.2 * does.lip_stretch)
    lip_top = 0.085 * thin * (1.0 - 0.25 * does.chin_raise)
    lip_low = 0.105 * thin * (1.0 + 0.25 * does.chin_raise)
    outer_top = inner_top - lip_top * _CUPID - lift * (1.0 - does.lips_part)
    outer_low = inner_low + lip_low * _LIP

    lips = mix(who.skin, (96.0, 78.0, 176.0), 0.42)
    lips = shade(lips, 0.80)
    x = _U * half
    around = np.concatenate([x, x[::-1]])
    drawing.fill(around, np.concatenate([outer_top, inner_top[::-1]]), shade(lips, 0.86))
    drawing.fill(around, np.concatenate([inner_low, outer_low[::-1]]), lips)
    if opened > 0.03:
        drawing.fill(around, np.concatenate([inner_top, inner_low[::-1]]), (34.0, 22.0, 58.0))
        height = inner_low - inner_top
        white = (226.0, 234.0, 238.0)
        teeth = max(0.9 * smile, does.clench, 0.55 * does.upper_lip_raise, 0.30 * does.lip_stretch)
        if does.tongue > 0.3:
            start = inner_top + np.minimum(height * 0.45, height)
            drawing.fill(
                0.75 * around,
                np.concatenate([start, (inner_low + 0.13 * does.tongue * _LIP)[::-1]]),
                (112.0, 104.0, 206.0),
            )
        elif does.jaw_drop > 0.35:
            start = inner_low - height * 0.34 * _LIP
            drawing.fill(around, np.concatenate([start, inner_low[::-1]]), (78.0, 66.0, 150.0))
        if teeth > 0.25:
            deep = np.minimum(0.15 * teeth + 0.03, height * (0.90 if does.jaw_drop < 0.3 else 0.55))
            drawing.fill(0.95 * around, np.concatenate([inner_top, (inner_top + deep)[::-1]]), white)
        lower_teeth = max(does.clench, does.lower_lip_drop)
        if lower_teeth > 0.3:
            deep = np.minimum(0.09 * lower_teeth, height * 0.42)
            drawing.fill(
                0.92 * around, np.concatenate([inner_low - deep, inner_low[::-1]]), shade(white, 0.93)
            )
        if does.clench > 0.4:
            gap_line = 0.5 * (inner_top + inner_low)
            drawing.stroke(0.92 * x, gap_line, (110.0, 112.0, 120.0), 0.022)
    else:
        drawing.stroke(x, 0.5 * (inner_top + inner_low), shade(lips, 0.42), 0.036 + 0.012 * does.lip_press)
    for sign, index in ((-1.0, 0), (1.0, -1)):
        # The little shadow where a mouth ends.
        tuck = 0.10 + 0.25 * max(smile, does.lip_corner_drop, does.lip_press)
        down = -0.03 * smile + 0.05 * does.lip_corner_drop
        end_x, end_y = float(x[index]), float(rest[index])
        drawing.stroke(
            (end_x, end_x + sign * 0.05), (end_y, end_y + down), shade(who.skin, 0.95 - tuck), 0.035
        )


def _hair_in_front(drawing: Sketch, who: Identity, side: float) -> None:
    style = who.hair_style
    if style == "bald":
        drawing.glow(side * 0.25, -1.15, 0.22, 0.14, 0.22)
        return
    width, crown = who.width, who.crown
    angles = np.linspace(math.pi * 1.02, math.pi * 1.98, 17)
    puff = {"curly": 1.16, "short": 1.06, "receding": 1.05}.get(style, 1.10)
    top_x, top_y = width * puff * np.cos(angles), (crown + 0.12) * np.sin(angles) - 0.12
    # The hairline, from the right temple back to the left one.
    if style == "fringe":
        line_x = np.array([1.0, 0.93, 0.6, 0.2, -0.2, -0.6, -0.93, -1.0])
        line_y = np.array([0.05, -0.35, -0.62, -0.58, -0.62, -0.58, -0.35, 0.05])
    elif style == "parted":
        line_x = np.array([1.0, 0.95, 0.80, 0.35, -0.30, -0.75, -0.93, -1.0]) * side
        line_y = np.array([0.10, -0.35, -0.80, -1.12, -0.92, -0.68, -0.40, 0.10])
    elif style in ("long", "bob"):
        line_x = np.array([1.0, 0.90, 0.72, 0.12, -0.40, -0.80, -0.92, -1.0]) * side
        line_y = np.array([0.55, -0.10, -0.70, -1.18, -0.90, -0.45, -0.05, 0.55])
    elif style == "receding":
        line_x = np.array([1.0, 0.95, 0.72, 0.45, 0.0, -0.45, -0.72, -0.95, -1.0])
        line_y = np.array([0.05, -0.55, -1.12, -1.28, -1.16, -1.28, -1.12, -0.55, 0.05])
    else:
        line_x = np.array([1.0, 0.93, 0.76, 0.40, 0.0, -0.40, -0.76, -0.93, -1.0])
        line_y = np.array([0.05, -0.40, -0.82, -0.98, -0.94, -0.98, -0.82, -0.40, 0.05])
    if line_x[0] < 0.0:
        line_x, line_y = line_x[::-1], line_y[::-1]
    x = np.concatenate([top_x, line_x * width])
    y = np.concatenate([top_y, line_y])
    drawing.fill(x, y, who.hair, None, body=True)
    bright = mix(who.hair, (255.0, 255.0, 255.0), 0.14)
    for place in (0.20, 0.45):
        strand = np.linspace(-0.55, 0.15, 6)
        lift = -(crown + 0.02 - 0.16 * place) * np.sqrt(1.0 - (0.75 * (strand + side * 0.1)) ** 2)
        drawing._add(strand * width * side, lift + 0.03, bright, 0.035, None, True)
    drawing.glow(0.0, -0.86 if style != "receding" else -1.1, 0.6, 0.12, -0.10)


def _glasses(drawing: Sketch, who: Identity) -> None:
    if who.glasses == "none":
        return
    frame = (40.0, 36.0, 38.0)
    power = 1.0 if who.glasses == "round" else 0.5
    cos = np.sign(_COS) * np.abs(_COS) ** power
    sin = np.sign(_SIN) * np.abs(_SIN) ** power
    cos, sin = np.append(cos, cos[0]), np.append(sin, sin[0])
    for sign in (-1.0, 1.0):
        drawing.stroke(sign * who.eye_distance + 0.34 * cos, 0.03 + 0.27 * sin, frame, 0.045)
        outer = sign * (who.eye_distance + 0.33)
        drawing.stroke((outer, sign * who.width), (-0.03, -0.06), frame, 0.045)
    gap = who.eye_distance - 0.34
    drawing.stroke((-gap, 0.0, gap), (0.0, -0.04, 0.0), frame, 0.045)
