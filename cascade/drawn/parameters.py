"""What a drawn face is made of, and how each part is drawn by lot.

Lengths are in face units: one unit is half the width of an average face, the origin lies midway between
the eyes, x points to the picture's right and y down. Colours are (blue, green, red), 0 to 255.
Expressions are action units of the Facial Action Coding System (Ekman and Friesen, 1978), each from
0, absent, to 1, as strong as it gets; the combination per emotion follows their EMFACS tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from fer.labels import EXPRESSIONS

Colour = tuple[float, float, float]

HAIR_STYLES = ("bald", "short", "parted", "long", "fringe", "curly", "receding", "bob")
BEARDS = ("none", "stubble", "moustache", "full")
GLASSES = ("none", "round", "square")

_SKINS: tuple[Colour, ...] = (
    (202, 222, 248),
    (172, 200, 240),
    (140, 178, 226),
    (112, 152, 206),
    (88, 124, 180),
    (70, 98, 148),
    (58, 78, 118),
)
_HAIRS: tuple[Colour, ...] = (
    (24, 22, 26),
    (30, 36, 52),
    (38, 54, 86),
    (34, 62, 124),
    (84, 140, 196),
    (126, 176, 214),
    (150, 148, 146),
    (208, 210, 212),
)
_IRISES: tuple[Colour, ...] = ((26, 42, 70), (34, 64, 104), (112, 96, 60), (134, 104, 70), (80, 108, 78))


class Dice:
    """A fixed number of uniform draws, made at once and handed out one by one.

    One call into numpy instead of a hundred: half the time of a face would go there. Every method takes
    one draw or a fixed number of them, so that what is drawn later never depends on what came before.
    """

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self._draws = iter(rng.random(count).tolist())

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(next(self._draws))

    def around(self, centre: float, spread: float) -> float:
        """Triangular over centre ± spread, most often near the centre."""
        return centre + spread * float(next(self._draws) + next(self._draws) - 1.0)

    def chance(self, probability: float) -> bool:
        """True with the probability given."""
        return bool(next(self._draws) < probability)

    def pick(self, count: int) -> int:
        """An integer from 0 to count − 1, all equally likely."""
        return int(next(self._draws) * count)


@dataclass(frozen=True)
class Identity:
    """Who it is: all that stays when the expression changes.

    Attributes:
        width: Half the face's width.
        chin: From the eyes down to the chin.
        crown: From the eyes up to the top of the skull.
        jaw: Shape of the jaw, from square (0.6) to pointed (1.1).
        eye_distance: From the midline to a pupil.
        eye_width: Half an eye's width.
        eye_slant: How much higher the outer corner lies than the inner one.
        eye_size: Factor on the lids' opening at rest.
        brow_height: From the eyes up to the brows at rest.
        brow_thickness: Height of a brow at its thickest.
        brow_tilt: How much higher the outer end lies at rest.
        nose_length: From the eyes down to the base of the nose.
        nose_width: Half the width of the nose.
        mouth_height: From the eyes down to the mouth.
        mouth_width: Half the mouth's width at rest.
        mouth_curve: Bend of the resting mouth; positive where the corners hang.
        lips: Factor on the lips' thickness.
        age: 0, smooth, to 1, lined.
        skin: Colour of the skin.
        hair: Colour of hair, brows and beard.
        iris: Colour of the eyes.
        cloth: Colour of the clothes.
        hair_style: One of `HAIR_STYLES`.
        beard: One of `BEARDS`.
        glasses: One of `GLASSES`.
    """

    width: float
    chin: float
    crown: float
    jaw: float
    eye_distance: float
    eye_width: float
    eye_slant: float
    eye_size: float
    brow_height: float
    brow_thickness: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    mouth_height: float
    mouth_width: float
    mouth_curve: float
    lips: float
    age: float
    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    hair_style: str
    beard: str
    glasses: str

    @classmethod
    def draw(cls, dice: Dice) -> "Identity":
        """Draw a person by lot."""
        skin_place = dice.between(0.0, len(_SKINS) - 1.001)
        darker, lighter = _SKINS[int(skin_place) + 1], _SKINS[int(skin_place)]
        share = skin_place % 1.0
        warmth = dice.around(0.0, 7.0)
        skin = (
            lighter[0] + share * (darker[0] - lighter[0]) - warmth,
            lighter[1] + share * (darker[1] - lighter[1]),
            lighter[2] + share * (darker[2] - lighter[2]) + warmth * 0.5,
        )
        # Dark skin goes with dark hair: the lightest colours are left to the lightest skins.
        hair = _HAIRS[dice.pick(len(_HAIRS) if skin_place < 2.5 else 4)]
        return cls(
            width=dice.around(1.0, 0.10),
            chin=dice.around(1.58, 0.14),
            crown=dice.around(1.50, 0.12),
            jaw=dice.between(0.62, 0.98),
            eye_distance=dice.around(0.455, 0.045),
            eye_width=dice.around(0.245, 0.03),
            eye_slant=dice.around(0.01, 0.05),
            eye_size=dice.around(1.0, 0.18),
            brow_height=dice.around(0.35, 0.05),
            brow_thickness=dice.between(0.055, 0.12),
            brow_tilt=dice.around(0.01, 0.05),
            nose_length=dice.around(0.64, 0.07),
            nose_width=dice.around(0.19, 0.04),
            mouth_height=dice.around(1.01, 0.07),
            mouth_width=dice.around(0.38, 0.05),
            mouth_curve=dice.around(0.0, 0.03),
            lips=dice.between(0.65, 1.35),
            age=dice.between(0.0, 1.0),
            skin=skin,
            hair=hair,
            iris=_IRISES[dice.pick(len(_IRISES) if skin_place < 3.0 else 2)],
            cloth=(dice.between(30, 210), dice.between(30, 200), dice.between(30, 210)),
            hair_style=HAIR_STYLES[dice.pick(len(HAIR_STYLES))],
            beard=("none", "none", "none", "none", "none", "none", "stubble", "moustache", "full")[dice.pick(9)],
            glasses=("none", "none", "none", "none", "none", "none", "round", "square")[dice.pick(8)],
        )


@dataclass(frozen=True)
class Expression:
    """What the face does: action units, each from 0 to 1 (their FACS numbers in brackets).

    Attributes:
        inner_brow_raise: Inner ends of the brows up (1).
        outer_brow_raise: Outer ends of the brows up (2).
        brow_lower: Brows down and together, with furrows between them (4).
        lid_raise: Upper lids up, the white shows above the iris (5).
        cheek_raise: Cheeks up, lower lids pushed up, crow's feet (6).
        lid_tighten: Both lids narrowed (7).
        nose_wrinkle: Nose wrinkled, its wings up (9).
        upper_lip_raise: Upper lip up, its middle most (10).
        lip_corner_pull: Corners of the mouth up and out (12).
        lip_corner_drop: Corners of the mouth down (15).
        lower_lip_drop: Lower lip down, the lower teeth show (16).
        chin_raise: Chin and lower lip pushed up (17).
        lip_stretch: Mouth drawn sideways (20).
        lip_press: Lips pressed and thin (23, 24).
        lips_part: Lips apart (25).
        jaw_drop: Jaw down (26, 27).
        tongue: Tongue shown (19).
        lid_droop: Upper lids hanging (43).
        clench: Teeth together in an open mouth.
    """

    inner_brow_raise: float = 0.0
    outer_brow_raise: float = 0.0
    brow_lower: float = 0.0
    lid_raise: float = 0.0
    cheek_raise: float = 0.0
    lid_tighten: float = 0.0
    nose_wrinkle: float = 0.0
    upper_lip_raise: float = 0.0
    lip_corner_pull: float = 0.0
    lip_corner_drop: float = 0.0
    lower_lip_drop: float = 0.0
    chin_raise: float = 0.0
    lip_stretch: float = 0.0
    lip_press: float = 0.0
    lips_part: float = 0.0
    jaw_drop: float = 0.0
    tongue: float = 0.0
    lid_droop: float = 0.0
    clench: float = 0.0

    @classmethod
    def draw(cls, dice: Dice, label: int) -> "Expression":
        """Draw one way of showing an expression, at one strength.

        Args:
            dice: Where the draws come from; as many are taken for every label.
            label: Index into `fer.labels.EXPRESSIONS`.
        """
        variants = _PROTOTYPES[EXPRESSIONS[label]]
        prototype = variants[dice.pick(len(variants))]
        strength = dice.between(0.6, 1.0)
        units = {}
        for name in UNITS:
            level = prototype.get(name, 0.0) * strength * dice.between(0.75, 1.1)
            # Nobody's face is at rest where its expression does not need it.
            stray = dice.between(-0.5, 0.12)
            units[name] = min(1.0, max(level, stray if name in _STRAYS else 0.0))
        return cls(**units)


UNITS: tuple[str, ...] = tuple(field.name for field in fields(Expression))

_STRAYS = {"inner_brow_raise", "outer_brow_raise", "lid_tighten", "lid_droop", "lips_part", "lip_press", "cheek_raise"}

_PROTOTYPES: Mapping[str, tuple[Mapping[str, float], ...]] = {
    "angry": (
        {"brow_lower": 1.0, "lid_raise": 0.35, "lid_tighten": 0.45, "lip_press": 1.0, "chin_raise": 0.3},
        {
            "brow_lower": 1.0,
            "lid_raise": 0.5,
            "lid_tighten": 0.3,
            "upper_lip_raise": 0.35,
            "lower_lip_drop": 0.8,
            "lips_part": 1.0,
            "clench": 1.0,
        },
        {
            "brow_lower": 1.0,
            "lid_raise": 0.6,
            "lid_tighten": 0.2,
            "lower_lip_drop": 0.6,
            "lips_part": 0.8,
            "jaw_drop": 0.55,
        },
    ),
    "disgust": (
        {"nose_wrinkle": 1.0, "upper_lip_raise": 0.9, "lip_corner_drop": 0.4, "lid_tighten": 0.75, "brow_lower": 0.4},
        {
            "nose_wrinkle": 0.9,
            "upper_lip_raise": 1.0,
            "lips_part": 0.7,
            "lip_corner_drop": 0.5,
            "lid_tighten": 0.8,
            "brow_lower": 0.45,
            "cheek_raise": 0.3,
        },
        {
            "nose_wrinkle": 1.0,
            "upper_lip_raise": 0.7,
            "lips_part": 0.7,
            "jaw_drop": 0.3,
            "tongue": 1.0,
            "lip_corner_drop": 0.3,
            "lid_tighten": 0.9,
            "brow_lower": 0.4,
        },
    ),
    "fear": (
        {
            "inner_brow_raise": 1.0,
            "outer_brow_raise": 0.35,
            "brow_lower": 0.45,
            "lid_raise": 1.0,
            "lip_stretch": 1.0,
            "lips_part": 0.7,
            "lower_lip_drop": 0.4,
            "clench": 0.9,
        },
        {
            "inner_brow_raise": 1.0,
            "outer_brow_raise": 0.3,
            "brow_lower": 0.4,
            "lid_raise": 1.0,
            "lip_stretch": 0.9,
            "lips_part": 0.6,
            "jaw_drop": 0.35,
            "lip_corner_drop": 0.3,
        },
    ),
    "happy": (
        {"lip_corner_pull": 0.85, "cheek_raise": 0.7},
        {"lip_corner_pull": 1.0, "cheek_raise": 0.9, "lips_part": 0.6, "upper_lip_raise": 0.05},
        {"lip_corner_pull": 1.0, "cheek_raise": 1.0, "lips_part": 0.9, "jaw_drop": 0.55},
    ),
    "sad": (
        {"inner_brow_raise": 0.9, "brow_lower": 0.35, "lip_corner_drop": 1.0, "chin_raise": 0.5, "lid_droop": 0.5},
        {"inner_brow_raise": 0.8, "brow_lower": 0.2, "lip_corner_drop": 0.9, "lid_droop": 0.9},
    ),
    "surprise": (
        {"inner_brow_raise": 0.9, "outer_brow_raise": 1.0, "lid_raise": 0.9, "lips_part": 0.6, "jaw_drop": 1.0},
        {"inner_brow_raise": 1.0, "outer_brow_raise": 1.0, "lid_raise": 0.7, "lips_part": 0.5, "jaw_drop": 0.6},
    ),
    "neutral": ({},),
}


@dataclass(frozen=True)
class Pose:
    """How the head is held and where it lies in the picture.

    Attributes:
        roll: Turn in the picture's plane, radians, clockwise positive.
        yaw: Turn to the picture's right, radians.
        pitch: Nod downwards, radians.
        scale: Factor on the face's size.
        shift: (x, y) of the face's centre from the picture's, as a share of its side.
        gaze: (x, y) of the pupils from the middle of the eyes, in face units.
        mirrored: True where parting and strands lie on the other side.
    """

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False

    @classmethod
    def draw(cls, dice: Dice) -> "Pose":
        """Draw a pose by lot: frontal within about 20°, as fer2013's faces mostly are."""
        return cls(
            roll=dice.around(0.0, 0.22),
            yaw=dice.around(0.0, 0.38),
            pitch=dice.around(0.0, 0.20),
            scale=dice.between(0.84, 1.08),
            shift=(dice.around(0.0, 0.06), dice.around(0.0, 0.06)),
            gaze=(dice.around(0.0, 0.06), dice.around(0.0, 0.025)),
            mirrored=dice.chance(0.5),
        )


@dataclass(frozen=True)
class Light:
    """How the picture is lit and how well it was taken.

    Attributes:
        side: Light from the picture's right (positive) or left, −1 to 1.
        top: Light from above (positive) or below, −1 to 1.
        exposure: Factor on the brightness.
        contrast: Factor on the contrast.
        blur: Standard deviation of the blur, as a share of the picture's side.
        noise: Standard deviation of the noise, in grey levels.
    """

    side: float = 0.0
    top: float = 0.3
    exposure: float = 1.0
    contrast: float = 1.0
    blur: float = 0.0
    noise: float = 0.0

    @classmethod
    def draw(cls, dice: Dice) -> "Light":
        """Draw light and camera by lot."""
        return cls(
            side=dice.around(0.0, 1.0),
            top=dice.around(0.3, 0.7),
            exposure=dice.between(0.80, 1.15),
            contrast=dice.between(0.60, 1.15),
            blur=max(0.0, dice.between(-0.012, 0.018)),
            noise=dice.between(0.0, 9.0),
        )
