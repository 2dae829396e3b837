"""The seven expressions: their names, order and colours, defined here and nowhere else; and what a class may be called.

The order is that of fer2013's `emotion` column (0 to 6). It travels inside every checkpoint and
exported model, so that training and use cannot disagree about what an output means.
"""

from collections.abc import Sequence

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

FACE_COLUMNS = ("source", "frame", "time_s", "track_id", "x", "y", "width", "height", "score", "label", "unsure")
"""The columns of a table of faces before those of the classes, which bear the classes' names."""

LONGEST_NAME = 64
MOST_CLASSES = 1000


def check_classes(names: Sequence[str]) -> None:
    """Refuse names of classes that could not name a column, a folder and a line of text.

    Raises:
        ValueError: there are none or too many, or one is empty, long, a column's, the same as another but for capitals,
            or has characters that cannot be printed, or separate paths.
    """
    if not 1 <= len(names) <= MOST_CLASSES:
        raise ValueError(f"there are {len(names)} classes; 1 to {MOST_CLASSES} can be told apart")
    for name in names:
        fit = 1 <= len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip(" .")
        if not fit or set(name) & set('/\\:*?"<>|') or name.casefold() in (*FACE_COLUMNS, UNSURE):
            raise ValueError(
                f"no class can be called {name!r}: names are of 1 to {LONGEST_NAME} printable characters, none of "
                f'/ \\ : * ? " < > |, with neither space nor dot at an end, and not {UNSURE}, {", ".join(FACE_COLUMNS)}'
            )
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError(f"classes must have names of their own, not {', '.join(names)}")
