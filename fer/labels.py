"""The seven expressions: their names, order and colours, defined here and nowhere else.

The order is that of fer2013's `emotion` column (0 to 6). It travels inside every checkpoint and
exported model, so that training and use cannot disagree about what an output means.
"""

COLOURS: dict[str, tuple[int, int, int]] = {
    "angry": (228, 60, 50),
    "disgust": (122, 158, 60),
    "fear": (146, 92, 200),
    "happy": (246, 190, 40),
    "sad": (66, 122, 214),
    "surprise": (240, 128, 40),
    "neutral": (140, 148, 156),
}
"""One colour per expression, as (red, green, blue) in 0 to 255, readable on dark and light ground."""

EXPRESSIONS: tuple[str, ...] = tuple(COLOURS)

UNSURE = "unsure"
"""Shown in place of a label that is too improbable to be shown; no class of any model."""
