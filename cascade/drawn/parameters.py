"""What a drawn face is made of, and how each part is drawn by lot, in the order of the fields.

Lengths are in face units: one unit is half the width of an average face, the origin lies midway between
the eyes, x points to the picture's right and y down.
"""

# ruff: noqa: RUF009 - `lot` makes dataclass fields

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cascade.drawn.colours import HAIRS, IRISES, SKINS, Colour, mix
from cascade.drawn.dice import Dice, around, between, lot, one_of


def _skin(dice: Dice, who: Mapping[str, Any]) -> Colour:
    place = int(who["tone"])
    blue, green, red = mix(SKINS[place], SKINS[place + 1], who["tone"] % 1.0)
    warmth = dice.around(0.0, 7.0)
    return blue - warmth, green, red + warmth * 0.5


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who it is: all that stays when the expression changes."""

    tone: float = between(0.0, len(SKINS) - 1.001)  # of the skin, a place in SKINS
    skin: Colour = lot(_skin)
    # Dark skin goes with dark hair and eyes: the lightest colours are left to the lightest skins.
    hair: Colour = lot(lambda dice, who: HAIRS[dice.pick(len(HAIRS) if who["tone"] < 2.5 else 4)])  # and beard, brows
    width: float = around(1.0, 0.10)  # half the face's
    chin: float = around(1.58, 0.14)  # from the eyes down to it
    crown: float = around(1.50, 0.12)  # from the eyes up to the top of the skull
    jaw: float = between(0.62, 0.98)  # from square (0.6) to pointed (1.1)
    eye_distance: float = around(0.455, 0.045)  # from the midline to a pupil
    eye_width: float = around(0.245, 0.03)  # half an eye's
    eye_slant: float = around(0.01, 0.05)  # how much higher the outer corner lies than the inner one
    eye_size: float = around(1.0, 0.18)  # factor on the lids' opening at rest
    brow_height: float = around(0.35, 0.05)  # from the eyes up to the brows at rest
    brow_thickness: float = between(0.055, 0.12)  # where they are thickest
    brow_tilt: float = around(0.01, 0.05)  # how much higher the outer end lies at rest
    nose_length: float = around(0.64, 0.07)  # from the eyes down to its base
    nose_width: float = around(0.19, 0.04)  # half of it
    mouth_height: float = around(1.01, 0.07)  # from the eyes down to the mouth
    mouth_width: float = around(0.38, 0.05)  # half of it, at rest
    mouth_curve: float = around(0.0, 0.03)  # bend at rest; positive where the corners hang
    lips: float = between(0.65, 1.35)  # factor on their thickness
    age: float = between(0.0, 1.0)  # from smooth to lined
    iris: Colour = lot(lambda dice, who: IRISES[dice.pick(len(IRISES) if who["tone"] < 3.0 else 2)])
    cloth: Colour = lot(lambda dice, _: (dice.between(30, 210), dice.between(30, 200), dice.between(30, 210)))
    hair_style: str = one_of("bald", "short", "parted", "long", "fringe", "curly", "receding", "bob")
    beard: str = one_of(*["none"] * 6, "stubble", "moustache", "full")
    glasses: str = one_of(*["none"] * 6, "round", "square")


@dataclass(frozen=True)
class ActionUnits:
    """What the face does: action units, each from 0, absent, to 1, as strong as it gets.

    They are those of the Facial Action Coding System (Ekman and Friesen, 1978), their numbers in brackets.
    """

    inner_brow_raise: float = 0.0  # inner ends of the brows up (1)
    outer_brow_raise: float = 0.0  # outer ends of the brows up (2)
    brow_lower: float = 0.0  # brows down and together, with furrows between them (4)
    lid_raise: float = 0.0  # upper lids up, the white shows above the iris (5)
    cheek_raise: float = 0.0  # cheeks up, lower lids pushed up, crow's feet (6)
    lid_tighten: float = 0.0  # both lids narrowed (7)
    nose_wrinkle: float = 0.0  # nose wrinkled, its wings up (9)
    upper_lip_raise: float = 0.0  # upper lip up, its middle most (10)
    lip_corner_pull: float = 0.0  # corners of the mouth up and out (12)
    lip_corner_drop: float = 0.0  # corners of the mouth down (15)
    lower_lip_drop: float = 0.0  # lower lip down, the lower teeth show (16)
    chin_raise: float = 0.0  # chin and lower lip pushed up (17)
    lip_stretch: float = 0.0  # mouth drawn sideways (20)
    lip_press: float = 0.0  # lips pressed and thin (23, 24)
    lips_part: float = 0.0  # lips apart (25)
    jaw_drop: float = 0.0  # jaw down (26, 27)
    tongue: float = 0.0  # tongue shown (19)
    lid_droop: float = 0.0  # upper lids hanging (43)
    clench: float = 0.0  # teeth together in an open mouth

    @classmethod
    def draw(cls, dice: Dice, expression: str) -> "ActionUnits":
        """Draw one way of showing an expression, at one strength; it takes as many draws for every expression."""
        variants = _PROTOTYPES[expression]
        prototype = variants[dice.pick(len(variants))]
        strength = dice.between(0.6, 1.0)
        units = {}
        for name, full in prototype.items():
            level = full * strength * dice.between(0.75, 1.1)
            # Nobody's face is at rest where its expression does not need it.
            stray = dice.between(-0.5, 0.12)
            units[name] = min(1.0, max(level, stray if name in _STRAYS else 0.0))
        return cls(**units)


_STRAYS = {"inner_brow_raise", "outer_brow_raise", "lid_tighten", "lid_droop", "lips_part", "lip_press", "cheek_raise"}
#: The ways of showing each expression, a column each, after the EMFACS tables of Ekman and Friesen.
_TABLE = """
                 | angry          | disgust        | fear      | happy          | sad       | surprise  | neutral
inner_brow_raise |   .    .    .  |   .    .    .  | 1    1    |   .    .    .  | 0.9  0.8  | 0.9  1    |   .
outer_brow_raise |   .    .    .  |   .    .    .  | 0.35 0.3  |   .    .    .  |   .    .  | 1    1    |   .
brow_lower       | 1    1    1    | 0.4  0.45 0.4  | 0.45 0.4  |   .    .    .  | 0.35 0.2  |   .    .  |   .
lid_raise        | 0.35 0.5  0.6  |   .    .    .  | 1    1    |   .    .    .  |   .    .  | 0.9  0.7  |   .
cheek_raise      |   .    .    .  |   .  0.3    .  |   .    .  | 0.7  0.9  1    |   .    .  |   .    .  |   .
lid_tighten      | 0.45 0.3  0.2  | 0.75 0.8  0.9  |   .    .  |   .    .    .  |   .    .  |   .    .  |   .
nose_wrinkle     |   .    .    .  | 1    0.9  1    |   .    .  |   .    .    .  |   .    .  |   .    .  |   .
upper_lip_raise  |   .  0.35   .  | 0.9  1    0.7  |   .    .  |   .  0.05   .  |   .    .  |   .    .  |   .
lip_corner_pull  |   .    .    .  |   .    .    .  |   .    .  | 0.85 1    1    |   .    .  |   .    .  |   .
lip_corner_drop  |   .    .    .  | 0.4  0.5  0.3  |   .  0.3  |   .    .    .  | 1    0.9  |   .    .  |   .
lower_lip_drop   |   .  0.8  0.6  |   .    .    .  | 0.4    .  |   .    .    .  |   .    .  |   .    .  |   .
chin_raise       | 0.3    .    .  |   .    .    .  |   .    .  |   .    .    .  | 0.5    .  |   .    .  |   .
lip_stretch      |   .    .    .  |   .    .    .  | 1    0.9  |   .    .    .  |   .    .  |   .    .  |   .
lip_press        | 1      .    .  |   .    .    .  |   .    .  |   .    .    .  |   .    .  |   .    .  |   .
lips_part        |   .  1    0.8  |   .  0.7  0.7  | 0.7  0.6  |   .  0.6  0.9  |   .    .  | 0.6  0.5  |   .
jaw_drop         |   .    .  0.55 |   .    .  0.3  |   .  0.35 |   .    .  0.55 |   .    .  | 1    0.6  |   .
tongue           |   .    .    .  |   .    .  1    |   .    .  |   .    .    .  |   .    .  |   .    .  |   .
lid_droop        |   .    .    .  |   .    .    .  |   .    .  |   .    .    .  | 0.5  0.9  |   .    .  |   .
clench           |   .  1      .  |   .    .    .  | 0.9    .  |   .    .    .  |   .    .  |   .    .  |   .
"""


def _read_prototypes(table: str) -> dict[str, list[dict[str, float]]]:
    (_, *names), *rows = ([cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines())
    units = [row[0] for row in rows]
    prototypes: dict[str, list[dict[str, float]]] = {}
    for place, name in enumerate(names, 1):
        columns = zip(*(row[place].split() for row in rows), strict=True)
        levels = [[0.0 if cell == "." else float(cell) for cell in column] for column in columns]
        prototypes[name] = [dict(zip(units, column, strict=True)) for column in levels]
    return prototypes


_PROTOTYPES = _read_prototypes(_TABLE)
#: The expressions that can be drawn, in the order of the codes 0 to 6 of fer2013's `emotion` column.
EXPRESSIONS = tuple(_PROTOTYPES)


@dataclass(frozen=True)
class Pose:
    """How the head is held and where it lies in the picture: frontal within about 20°, as fer2013's mostly are."""

    roll: float = around(0.0, 0.22)  # turn in the picture's plane, radians, clockwise positive
    yaw: float = around(0.0, 0.38)  # turn to the picture's right, radians
    pitch: float = around(0.0, 0.20)  # nod downwards, radians
    scale: float = between(0.84, 1.08, 1.0)  # factor on the face's size
    # (x, y) of the face's centre from the picture's, as a share of its side
    shift: tuple[float, float] = lot(lambda dice, _: (dice.around(0.0, 0.06), dice.around(0.0, 0.06)), (0.0, 0.0))
    # (x, y) of the pupils from the middle of the eyes
    gaze: tuple[float, float] = lot(lambda dice, _: (dice.around(0.0, 0.06), dice.around(0.0, 0.025)), (0.0, 0.0))
    mirrored: bool = lot(lambda dice, _: dice.pick(2) == 0, False)  # parting and strands lie on the other side


@dataclass(frozen=True)
class Light:
    """How the picture is lit and how well it was taken."""

    side: float = around(0.0, 1.0)  # light from the picture's right (positive) or left, −1 to 1
    top: float = around(0.3, 0.7)  # light from above (positive) or below, −1 to 1
    exposure: float = between(0.80, 1.15, 1.0)  # factor on the brightness
    contrast: float = between(0.60, 1.15, 1.0)  # factor on the contrast
    # standard deviation of the blur, as a share of the picture's side
    blur: float = lot(lambda dice, _: max(0.0, dice.between(-0.012, 0.018)), 0.0)
    noise: float = between(0.0, 9.0, 0.0)  # standard deviation, in gray levels
