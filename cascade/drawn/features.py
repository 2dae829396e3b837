"""What the expression moves: eyes, brows, wrinkles, nose and mouth.

Every feature is a function of its action units: lids and lips are curves over u in [−1, 1], so that the
iris is cut off by the lids and the teeth by the lips exactly, with no masks.
"""

import math
from collections.abc import Sequence

import numpy as np

from cascade.drawn.colours import mix, shade
from cascade.drawn.parameters import ActionUnits, Identity, Pose
from cascade.drawn.sketch import Array, Sketch

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


def mouth_centre(who: Identity, does: ActionUnits) -> tuple[float, float]:
    """Where the mouth's middle lies in face units, seen from the front."""
    return 0.0, who.mouth_height + 0.05 * does.jaw_drop - 0.02 * does.nose_wrinkle


def eye(drawing: Sketch, who: Identity, does: ActionUnits, pose: Pose, sign: float) -> None:
    """Add one eye; `sign` is −1 for the one on the picture's left, 1 for the other."""
    squeeze = max(does.lid_tighten, 0.75 * does.cheek_raise, 0.8 * does.nose_wrinkle)
    up = max(0.018, who.eye_size * 0.125 + 0.085 * does.lid_raise - 0.050 * squeeze - 0.085 * does.lid_droop)
    low = who.eye_size * 0.070 + 0.025 * does.lid_raise - 0.075 * squeeze - 0.01 * does.lid_droop
    # A smile bends the lower lid upwards; it never passes the upper one.
    low = max(low, 0.045 - up)
    centre = sign * who.eye_distance
    x = centre + _U * who.eye_width
    slant = -who.eye_slant * _U * sign
    # A weary upper lid hangs lower at its outer end, a wide one is round.
    upper = slant + 0.035 * does.lid_droop * _U * sign - up * _LID
    lower = slant + low * _DOME

    if does.lid_droop > 0.15 or squeeze > 0.2:
        # Skin of the lid itself, a shade darker than the socket.
        drawing.between(x, slant - 0.15 * _LID, upper, shade(who.skin, 0.90))
    drawing.between(x, upper, lower, (236.0, 240.0, 244.0))

    gaze_x, gaze_y = pose.gaze[0], pose.gaze[1] + 0.03 * does.lid_droop
    for size, colour in ((0.115, who.iris), (0.115 * 0.52, (14.0, 12.0, 14.0))):
        place = (gaze_x + _U * size) / who.eye_width
        top, bottom = np.interp(place, _U, upper), np.interp(place, _U, lower)
        high = np.minimum(np.maximum(gaze_y - size * _LIP, top), bottom)
        deep = np.minimum(np.maximum(gaze_y + size * _LIP, top), bottom)
        drawing.between(centre + gaze_x + _U * size, high, deep, colour)
    if up > 0.08:
        drawing.ellipse(centre + gaze_x + 0.045, gaze_y - 0.045, 0.026, 0.026, (255.0, 255.0, 255.0))

    drawing.stroke(x, upper, mix(shade(who.skin, 0.30), (20.0, 18.0, 22.0), 0.6), 0.050)
    drawing.stroke(x, lower, shade(who.skin, 0.55), 0.018)
    if does.lid_droop < 0.6:
        drawing.stroke(x, slant - (up + 0.055) * _LID, shade(who.skin, 0.60), 0.018)
    if squeeze > 0.15:
        # The bag that the risen cheek pushes up.
        drawing.stroke(x[2:-2], (lower + 0.085)[2:-2], shade(who.skin, 1.0 - 0.33 * squeeze), 0.03)


def brow(drawing: Sketch, who: Identity, does: ActionUnits, sign: float) -> None:
    """Add one brow; `sign` as for `eye`."""
    inner, outer, lowered = does.inner_brow_raise, does.outer_brow_raise, does.brow_lower
    # With its inner end raised, a lowered brow is drawn together more than down (fear, sadness).
    down = lowered * (1.0 - 0.75 * inner)
    inner_x, outer_x = 0.185 - 0.075 * lowered, 0.185 + 2.35 * who.eye_width
    inner_y = -who.brow_height + 0.02 - 0.19 * inner + 0.17 * down
    outer_y = -who.brow_height - who.brow_tilt + 0.05 - 0.20 * outer - 0.05 * down + 0.05 * inner * (1.0 - outer)
    arch = -0.045 * (1.0 - 0.6 * lowered) - 0.06 * outer * inner
    x = sign * (inner_x + (outer_x - inner_x) * _T)
    y = inner_y + (outer_y - inner_y) * _T + arch * _ARCH + 0.05 * does.nose_wrinkle * (1.0 - _T)
    half = 0.5 * (who.brow_thickness * _TAPER)
    drawing.between(x, y - half, y + half, mix(shade(who.hair, 0.75), shade(who.skin, 0.42), 0.35), 0.03)


def wrinkles(drawing: Sketch, who: Identity, does: ActionUnits) -> None:
    """Add the lines that muscles and years draw: forehead, furrows, crow's feet, folds, nose."""

    def line(x: Sequence[float], y: Sequence[float], depth: float, thickness: float = 0.03) -> None:
        if depth > 0.12:
            drawing.stroke(x, y, shade(who.skin, 1.0 - 0.42 * min(depth, 1.0)), thickness)

    aged = 0.7 + 0.5 * who.age
    smile, wrinkled, chin = does.lip_corner_pull, does.nose_wrinkle, does.chin_raise
    raised = does.outer_brow_raise * does.inner_brow_raise * aged
    for y in (-0.66, -0.80, -0.94):
        line((-0.5, -0.25, 0.0, 0.25, 0.5), (y + 0.02, y - 0.03, y - 0.02, y - 0.03, y + 0.02), 0.7 * raised)
    pinched = does.inner_brow_raise * (1.0 - does.outer_brow_raise) * aged
    for y in (-0.68, -0.80):
        line((-0.26, -0.1, 0.0, 0.1, 0.26), (y + 0.03, y - 0.01, y + 0.01, y - 0.01, y + 0.03), 0.7 * pinched)
    furrow = does.brow_lower * (1.0 - 0.5 * does.inner_brow_raise) * aged
    fold = max(0.30 * (who.age - 0.4), 0.85 * smile, 0.9 * does.upper_lip_raise, 0.8 * wrinkled)
    fold = max(fold, 0.35 * does.lip_corner_drop)
    nose, mouth = who.nose_length, who.mouth_height
    for sign in (-1.0, 1.0):
        line((sign * 0.055, sign * 0.075), (-0.40, -0.16), furrow, 0.035)
        if does.cheek_raise > 0.2:
            corner = sign * (who.eye_distance + who.eye_width + 0.05)
            crow = 0.7 * does.cheek_raise * aged
            line((corner, corner + sign * 0.12), (-0.03, -0.09), crow, 0.022)
            line((corner, corner + sign * 0.13), (0.04, 0.06), crow, 0.022)
        # From the nose's wing past the corner of the mouth.
        wing = who.nose_width + 0.03
        end = who.mouth_width + 0.12 + 0.10 * smile + 0.02 * does.lip_stretch
        x = (sign * wing, sign * (wing + 0.45 * (end - wing)), sign * end, sign * (end + 0.01))
        top = (nose - 0.10 - 0.07 * wrinkled, nose + 0.03 - 0.03 * wrinkled)
        line(x, (*top, mouth - 0.10 - 0.05 * smile, mouth + 0.05), fold, 0.034)
        if wrinkled > 0.2:
            line((sign * 0.05, sign * 0.20), (0.12, 0.02), wrinkled)
            line((sign * 0.07, sign * 0.23), (0.26, 0.18), wrinkled)
            line((sign * 0.10, sign * 0.25), (0.40, 0.34), 0.8 * wrinkled)
    if wrinkled > 0.2:
        line((-0.10, 0.0, 0.10), (0.02, 0.05, 0.02), wrinkled)
    if chin > 0.2:
        line((-0.16, 0.0, 0.16), (mouth + 0.24 + 0.03, mouth + 0.24, mouth + 0.24 + 0.03), 0.7 * chin)


def nose(drawing: Sketch, who: Identity, does: ActionUnits) -> None:
    """Add nostrils, wings and base of the nose; its bridge is a glow of the head."""
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


def mouth(drawing: Sketch, who: Identity, does: ActionUnits) -> None:
    """Add lips, teeth, tongue and the corners' shadows."""
    smile, drop, stretch = does.lip_corner_pull, does.lip_corner_drop, does.lip_stretch
    part, jaw, rise, chin = does.lips_part, does.jaw_drop, does.upper_lip_raise, does.chin_raise
    _, centre = mouth_centre(who, does)
    half = who.mouth_width + 0.13 * smile + 0.12 * stretch - 0.035 * does.lip_press
    half = half - 0.13 * jaw * (1.0 - smile) * (1.0 - 0.6 * stretch) - 0.04 * does.tongue
    corner = who.mouth_curve - 0.20 * smile + 0.15 * drop + 0.05 * stretch + 0.05 * rise
    x, rest = _U * half, centre + 0.06 * smile - 0.05 * chin - 0.03 * drop + corner * _CORNER

    opened = 0.10 * part + 0.42 * jaw + 0.05 * does.tongue + 0.09 * does.lower_lip_drop * part
    square = min(1.0, max(does.clench, stretch, 0.7 * does.lower_lip_drop))
    form = (1.0 - square) * _LIP + square * _BOX
    # A smile opens downwards from a nearly straight upper lip, a gasp both ways.
    upper_share = 0.42 * (1.0 - smile) + 0.10 * smile
    inner_top = rest - upper_share * opened * form - 0.13 * rise * (part + 0.35 * does.nose_wrinkle) * _DOME
    inner_low = rest + (1.0 - upper_share) * opened * form

    thin = (1.0 - 0.75 * does.lip_press) * who.lips * (1.0 - 0.25 * smile - 0.2 * stretch)
    lift = 0.08 * rise * _DOME * (1.0 - part)
    outer_top = inner_top - 0.085 * thin * (1.0 - 0.25 * chin) * _CUPID - lift
    outer_low = inner_low + 0.105 * thin * (1.0 + 0.25 * chin) * _LIP
    lips = shade(mix(who.skin, (96.0, 78.0, 176.0), 0.42), 0.80)
    drawing.between(x, outer_top, inner_top, shade(lips, 0.86))
    drawing.between(x, inner_low, outer_low, lips)
    if opened > 0.03:
        _inside_mouth(drawing, does, x, inner_top, inner_low)
    else:
        drawing.stroke(x, 0.5 * (inner_top + inner_low), shade(lips, 0.42), 0.036 + 0.012 * does.lip_press)
    for sign, index in ((-1.0, 0), (1.0, -1)):
        # The little shadow where a mouth ends.
        tuck, down = 0.10 + 0.25 * max(smile, drop, does.lip_press), -0.03 * smile + 0.05 * drop
        end_x, end_y = float(x[index]), float(rest[index])
        drawing.stroke((end_x, end_x + sign * 0.05), (end_y, end_y + down), shade(who.skin, 0.95 - tuck), 0.035)


def _inside_mouth(drawing: Sketch, does: ActionUnits, x: Array, top: Array, low: Array) -> None:
    """Add what shows between open lips."""
    drawing.between(x, top, low, (34.0, 22.0, 58.0))
    height, white = low - top, (226.0, 234.0, 238.0)
    if does.tongue > 0.3:
        drawing.between(0.75 * x, top + height * 0.45, low + 0.13 * does.tongue * _LIP, (112.0, 104.0, 206.0))
    elif does.jaw_drop > 0.35:
        drawing.between(x, low - height * 0.34 * _LIP, low, (78.0, 66.0, 150.0))
    teeth = max(0.9 * does.lip_corner_pull, does.clench, 0.55 * does.upper_lip_raise, 0.30 * does.lip_stretch)
    if teeth > 0.25:
        deep = np.minimum(0.15 * teeth + 0.03, height * (0.90 if does.jaw_drop < 0.3 else 0.55))
        drawing.between(0.95 * x, top, top + deep, white)
    lower_teeth = max(does.clench, does.lower_lip_drop)
    if lower_teeth > 0.3:
        drawing.between(0.92 * x, low - np.minimum(0.09 * lower_teeth, height * 0.42), low, shade(white, 0.93))
    if does.clench > 0.4:
        drawing.stroke(0.92 * x, 0.5 * (top + low), (110.0, 112.0, 120.0), 0.022)


def moustache(drawing: Sketch, who: Identity, does: ActionUnits) -> None:
    """Add the hair over the upper lip, which follows the mouth."""
    if who.beard not in ("moustache", "full"):
        return
    _, centre = mouth_centre(who, does)
    top = who.nose_length + 0.09
    width = 0.40 + 0.07 * does.lip_corner_pull + 0.05 * does.lip_stretch
    droop = 0.11 - 0.10 * does.lip_corner_pull + 0.06 * does.lip_corner_drop
    middle = centre - 0.10 - 0.10 * does.jaw_drop - 0.10 * does.upper_lip_raise - 0.05 * does.lips_part
    x = np.concatenate([_U * width, _U[::-1] * width])
    y = np.concatenate([top + (middle + droop - top) * np.abs(_U) ** 1.3, middle + droop * np.abs(_U) ** 1.5 + 0.03])
    drawing.fill(x, y, mix(who.skin, who.hair, 0.93), 0.03, body=True)
