"""The head's outline with neck, ears, hair, beard and glasses: what the expression barely moves."""

import math

import numpy as np

from cascade.drawn.colours import mix, shade
from cascade.drawn.parameters import ActionUnits, Identity
from cascade.drawn.sketch import COS, FLAT, SIN, Array, Sketch

_QUARTER = np.linspace(0.0, 0.5 * math.pi, 10)
_QUARTER_COS, _QUARTER_SIN = np.cos(_QUARTER), np.sin(_QUARTER)
_SKULL = np.linspace(math.pi * 1.02, math.pi * 1.98, 17)
_SKULL_COS, _SKULL_SIN = np.cos(_SKULL), np.sin(_SKULL)
_ROUND = np.linspace(0.0, 2.0 * math.pi, 98, endpoint=False)
_LOCKS = 0.97 + 0.07 * np.abs(np.sin(7.0 * _ROUND))
_CURLS_X, _CURLS_Y = _LOCKS * np.cos(_ROUND), _LOCKS * np.sin(_ROUND)
_STRAND = np.linspace(-0.55, 0.15, 6)


def _symmetric(x: list[float], y: list[float]) -> Array:
    """(2, N): a curve whose one half is given, continued to the other side."""
    half = np.array([x, y])
    other = half[:, half[0] != 0.0][:, ::-1]
    return np.hstack([half, [-other[0], other[1]]])


_SHOULDERS = _symmetric([-2.9, -2.5, -1.7, -0.75, 0.0], [13.0, 2.85, 2.42, 2.12, 2.45])
#: The upper edge of a full beard, x as a share of the face's width, y of the mouth's height.
_BEARD = _symmetric([0.92, 0.84, 0.60, 0.36, 0.0], [0.15, 0.60, 0.88, 0.80, 0.76])
#: Hairlines from the right temple to the left one, x as a share of the face's width.
_EVEN = _symmetric([1.0, 0.93, 0.76, 0.40, 0.0], [0.05, -0.40, -0.82, -0.98, -0.94])
_RECEDING = _symmetric([1.0, 0.95, 0.72, 0.45, 0.0], [0.05, -0.55, -1.12, -1.28, -1.16])
_FRINGE = np.array(
    [[1.0, 0.93, 0.6, 0.2, -0.2, -0.6, -0.93, -1.0], [0.05, -0.35, -0.62, -0.58, -0.62, -0.58, -0.35, 0.05]]
)
_PARTED = np.array(
    [[1.0, 0.95, 0.80, 0.35, -0.30, -0.75, -0.93, -1.0], [0.10, -0.35, -0.80, -1.12, -0.92, -0.68, -0.40, 0.10]]
)
_OPEN = np.array(
    [[1.0, 0.90, 0.72, 0.12, -0.40, -0.80, -0.92, -1.0], [0.55, -0.10, -0.70, -1.18, -0.90, -0.45, -0.05, 0.55]]
)
#: Hair behind the head: its width as a share of the face's, how far it rises over the crown, how far it falls below the
#: eyes, and its squareness there.
_CLOSE = (1.07, 0.13, 0.25, 0.6)
#: By hair style: the hairline, the width of the hair over the skull as a share of the face's, and the hair behind.
_STYLES = {
    "short": (_EVEN, 1.06, _CLOSE),
    "curly": (_EVEN, 1.16, None),
    "long": (_OPEN, 1.10, (1.30, 0.20, 2.3, 0.45)),
    "bob": (_OPEN, 1.10, (1.28, 0.18, 1.35, 0.4)),
    "fringe": (_FRINGE, 1.10, _CLOSE),
    "parted": (_PARTED, 1.10, _CLOSE),
    "receding": (_RECEDING, 1.05, _CLOSE),
}


def hair_behind(drawing: Sketch, who: Identity) -> None:
    """Add the hair that lies behind head and neck."""
    if who.hair_style == "bald":
        return
    _, _, behind = _STYLES[who.hair_style]
    if behind:
        width, rise, bottom, jaw = behind
        x, y = _outline(who.width * width, who.crown + rise, bottom, jaw)
    else:
        x, y = who.width * 1.40 * _CURLS_X, -0.50 + (who.crown - 0.15) * _CURLS_Y
    drawing.fill(x, y, shade(who.hair, 0.85), FLAT, body=True)


def body(drawing: Sketch, who: Identity) -> None:
    """Add neck and shoulders."""
    neck = 0.58 * who.width
    x = np.array([-neck, neck, neck * 1.15, -neck * 1.15])
    drawing.fill(x, np.array([0.9, 0.9, 2.7, 2.7]), shade(who.skin, 0.72), FLAT, body=True)
    drawing.fill(_SHOULDERS[0], _SHOULDERS[1], who.cloth, FLAT, body=True)


def head(drawing: Sketch, who: Identity, does: ActionUnits) -> None:
    """Add ears, face and beard, and the soft shading of the face."""
    if who.hair_style not in ("long", "bob"):
        for sign in (-1.0, 1.0):
            x, y = sign * who.width * 1.01 + 0.15 * COS, 0.16 + 0.30 * SIN
            drawing.fill(x, y, shade(who.skin, 0.86), -0.25, body=True)
    chin = who.chin + 0.20 * does.jaw_drop - 0.03 * does.chin_raise
    x, y = _outline(who.width, who.crown, chin, who.jaw)
    drawing.fill(x, y, who.skin, FLAT, body=True)
    if who.beard in ("stubble", "full"):
        low = y > 0.05
        x, y = x[low], y[low] + (0.06 * y[low] / who.chin if who.beard == "full" else 0.0)
        order = np.argsort(x)
        x, y = np.append(x[order], _BEARD[0] * who.width), np.append(y[order], _BEARD[1] * who.mouth_height)
        cover = 0.18 if who.beard == "stubble" else 0.92
        drawing.fill(x, y, mix(who.skin, shade(who.hair, 0.95), cover), FLAT, body=True)

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
    if who.hair_style == "bald":
        drawing.glow(side * 0.25, -1.15, 0.22, 0.14, 0.22)
        return
    width, crown = who.width, who.crown
    (line_x, line_y), puff, _ = _STYLES[who.hair_style]
    if side < 0.0:
        line_x, line_y = -line_x[::-1], line_y[::-1]
    x = np.append(width * puff * _SKULL_COS, width * line_x)
    y = np.append((crown + 0.12) * _SKULL_SIN - 0.12, line_y)
    drawing.fill(x, y, who.hair, FLAT, body=True)
    bright = mix(who.hair, (255.0, 255.0, 255.0), 0.14)
    for place in (0.20, 0.45):
        lift = -(crown + 0.02 - 0.16 * place) * np.sqrt(1.0 - (0.75 * (_STRAND + side * 0.1)) ** 2)
        drawing.stroke(_STRAND * width * side, lift + 0.03, bright, 0.035, FLAT)
    drawing.glow(0.0, -0.86 if who.hair_style != "receding" else -1.1, 0.6, 0.12, -0.10)


def glasses(drawing: Sketch, who: Identity) -> None:
    """Add the frame of the glasses, if any."""
    if who.glasses == "none":
        return
    frame = (40.0, 36.0, 38.0)
    power = 1.0 if who.glasses == "round" else 0.5
    cos, sin = (np.sign(wave) * np.abs(wave) ** power for wave in (COS, SIN))
    cos, sin = np.append(cos, cos[0]), np.append(sin, sin[0])
    for sign in (-1.0, 1.0):
        drawing.stroke(sign * who.eye_distance + 0.34 * cos, 0.03 + 0.27 * sin, frame, 0.045)
        outer = sign * (who.eye_distance + 0.33)
        drawing.stroke((outer, sign * who.width), (-0.03, -0.06), frame, 0.045)
    gap = who.eye_distance - 0.34
    drawing.stroke((-gap, 0.0, gap), (0.0, -0.04, 0.0), frame, 0.045)


def _outline(width: float, top: float, bottom: float, jaw: float) -> tuple[Array, Array]:
    """A closed head shape: an ellipse above the eyes, a jaw of chosen squareness below."""
    x = width * np.append(_QUARTER_SIN**jaw, _QUARTER_COS[1:])
    y = np.append(bottom * _QUARTER_COS, -top * _QUARTER_SIN[1:])
    return np.append(x, -x[::-1]), np.append(y, y[::-1])
