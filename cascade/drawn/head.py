"""The head's outline with neck, ears, hair, beard and glasses: what the expression barely moves."""

import math

import numpy as np

from cascade.drawn.parameters import Expression, Identity
from cascade.drawn.sketch import COS, SIN, Array, Sketch, mix, shade

#: How far the ears lie behind the head's surface.
_EAR_RELIEF = -0.25

_QUARTER = np.linspace(0.0, 0.5 * math.pi, 10)
_QUARTER_COS, _QUARTER_SIN = np.cos(_QUARTER), np.sin(_QUARTER)

_SKULL = np.linspace(math.pi * 1.02, math.pi * 1.98, 17)
_SKULL_COS, _SKULL_SIN = np.cos(_SKULL), np.sin(_SKULL)
_ROUND = np.linspace(0.0, 2.0 * math.pi, 98, endpoint=False)
_LOCKS = 0.97 + 0.07 * np.abs(np.sin(7.0 * _ROUND))
_CURLS_X, _CURLS_Y = _LOCKS * np.cos(_ROUND), _LOCKS * np.sin(_ROUND)
_STRAND = np.linspace(-0.55, 0.15, 6)

_EVEN = (
    np.array([1.0, 0.93, 0.76, 0.40, 0.0, -0.40, -0.76, -0.93, -1.0]),
    np.array([0.05, -0.40, -0.82, -0.98, -0.94, -0.98, -0.82, -0.40, 0.05]),
)
_OPEN = (
    np.array([1.0, 0.90, 0.72, 0.12, -0.40, -0.80, -0.92, -1.0]),
    np.array([0.55, -0.10, -0.70, -1.18, -0.90, -0.45, -0.05, 0.55]),
)
#: The hairline from the right temple to the left one, x as a share of the face's width, by hair style.
_HAIRLINES = {
    "short": _EVEN,
    "curly": _EVEN,
    "long": _OPEN,
    "bob": _OPEN,
    "fringe": (
        np.array([1.0, 0.93, 0.6, 0.2, -0.2, -0.6, -0.93, -1.0]),
        np.array([0.05, -0.35, -0.62, -0.58, -0.62, -0.58, -0.35, 0.05]),
    ),
    "parted": (
        np.array([1.0, 0.95, 0.80, 0.35, -0.30, -0.75, -0.93, -1.0]),
        np.array([0.10, -0.35, -0.80, -1.12, -0.92, -0.68, -0.40, 0.10]),
    ),
    "receding": (
        np.array([1.0, 0.95, 0.72, 0.45, 0.0, -0.45, -0.72, -0.95, -1.0]),
        np.array([0.05, -0.55, -1.12, -1.28, -1.16, -1.28, -1.12, -0.55, 0.05]),
    ),
}
#: Width of the hair over the skull, as a share of the face's.
_PUFF = {"curly": 1.16, "short": 1.06, "receding": 1.05}


def hair_behind(drawing: Sketch, who: Identity) -> None:
    """Add the hair that lies behind head and neck."""
    if who.hair_style == "long":
        x, y = _outline(who.width * 1.30, who.crown + 0.20, 2.3, 0.45)
    elif who.hair_style == "bob":
        x, y = _outline(who.width * 1.28, who.crown + 0.18, 1.35, 0.4)
    elif who.hair_style == "curly":
        x = who.width * 1.40 * _CURLS_X
        y = -0.50 + (who.crown - 0.15) * _CURLS_Y
    elif who.hair_style == "bald":
        return
    else:
        x, y = _outline(who.width * 1.07, who.crown + 0.13, 0.25, 0.6)
    drawing.fill(x, y, shade(who.hair, 0.85), None, body=True)


def body(drawing: Sketch, who: Identity) -> None:
    """Add neck and shoulders."""
    neck = 0.58 * who.width
    x = np.array([-neck, neck, neck * 1.15, -neck * 1.15])
    y = np.array([0.9, 0.9, 2.7, 2.7])
    drawing.fill(x, y, shade(who.skin, 0.72), None, body=True)
    x = np.array([-2.9, -2.5, -1.7, -0.75, 0.0, 0.75, 1.7, 2.5, 2.9])
    y = np.array([13.0, 2.85, 2.42, 2.12, 2.45, 2.12, 2.42, 2.85, 13.0])
    drawing.fill(x, y, who.cloth, None, body=True)


def head(drawing: Sketch, who: Identity, does: Expression) -> None:
    """Add ears, face and beard, and the soft shading of the face."""
    for sign in (-1.0, 1.0):
        if who.hair_style not in ("long", "bob"):
            drawing.ellipse(sign * who.width * 1.01, 0.16, 0.15, 0.30, shade(who.skin, 0.86), _EAR_RELIEF, body=True)
    chin = who.chin + 0.20 * does.jaw_drop - 0.03 * does.chin_raise
    x, y = _outline(who.width, who.crown, chin, who.jaw)
    drawing.fill(x, y, who.skin, None, body=True)
    if who.beard in ("stubble", "full"):
        cover = 0.18 if who.beard == "stubble" else 0.92
        colour = mix(who.skin, shade(who.hair, 0.95), cover)
        low = y > 0.05
        x, y = x[low], y[low] + (0.06 * y[low] / who.chin if who.beard == "full" else 0.0)
        order = np.argsort(x)
        x, y = x[order], y[order]
        upper_x = np.array([0.92, 0.84, 0.60, 0.36, 0.0, -0.36, -0.60, -0.84, -0.92]) * who.width
        upper_y = np.array([0.15, 0.60, 0.88, 0.80, 0.76, 0.80, 0.88, 0.60, 0.15]) * (who.mouth_height / 1.0)
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


def hair_in_front(drawing: Sketch, who: Identity, side: float) -> None:
    """Add the hair over the skull; `side` is where its parting lies, −1 or 1."""
    style = who.hair_style
    if style == "bald":
        drawing.glow(side * 0.25, -1.15, 0.22, 0.14, 0.22)
        return
    width, crown = who.width, who.crown
    line_x, line_y = _HAIRLINES[style]
    if side < 0.0:
        line_x, line_y = -line_x[::-1], line_y[::-1]
    x = np.concatenate([width * _PUFF.get(style, 1.10) * _SKULL_COS, width * line_x])
    y = np.concatenate([(crown + 0.12) * _SKULL_SIN - 0.12, line_y])
    drawing.fill(x, y, who.hair, None, body=True)
    bright = mix(who.hair, (255.0, 255.0, 255.0), 0.14)
    for place in (0.20, 0.45):
        lift = -(crown + 0.02 - 0.16 * place) * np.sqrt(1.0 - (0.75 * (_STRAND + side * 0.1)) ** 2)
        drawing.stroke(_STRAND * width * side, lift + 0.03, bright, 0.035, None)
    drawing.glow(0.0, -0.86 if style != "receding" else -1.1, 0.6, 0.12, -0.10)


def glasses(drawing: Sketch, who: Identity) -> None:
    """Add the frame of the glasses, if any."""
    if who.glasses == "none":
        return
    frame = (40.0, 36.0, 38.0)
    power = 1.0 if who.glasses == "round" else 0.5
    cos = np.sign(COS) * np.abs(COS) ** power
    sin = np.sign(SIN) * np.abs(SIN) ** power
    cos, sin = np.append(cos, cos[0]), np.append(sin, sin[0])
    for sign in (-1.0, 1.0):
        drawing.stroke(sign * who.eye_distance + 0.34 * cos, 0.03 + 0.27 * sin, frame, 0.045)
        outer = sign * (who.eye_distance + 0.33)
        drawing.stroke((outer, sign * who.width), (-0.03, -0.06), frame, 0.045)
    gap = who.eye_distance - 0.34
    drawing.stroke((-gap, 0.0, gap), (0.0, -0.04, 0.0), frame, 0.045)


def _outline(width: float, top: float, bottom: float, jaw: float) -> tuple[Array, Array]:
    """A closed head shape: an ellipse above the eyes, a jaw of chosen squareness below."""
    x = width * np.concatenate([_QUARTER_SIN**jaw, _QUARTER_COS[1:]])
    y = np.concatenate([bottom * _QUARTER_COS, -top * _QUARTER_SIN[1:]])
    return np.concatenate([x, -x[::-1]]), np.concatenate([y, y[::-1]])
