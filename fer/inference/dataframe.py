"""Faces as a table of pandas."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascade.command import require
from fer.inference.faces import Face
from fer.labels import FACE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd


def to_dataframe(found: Iterable[tuple[str | Path, Iterable[Face]]]) -> "pd.DataFrame":
    """Make a table of what `ExpressionRecognizer.recognize_many` gives: a row per face, the columns of `faces.csv`.

    Raises:
        ToolsError: pandas is not installed.
    """
    require("train", "pandas")
    import pandas as pd

    rows: list[list[Any]] = []
    classes: list[str] = []
    for source, faces in found:
        for face in faces:
            classes = classes or list(face.probabilities)
            place = (str(source), face.frame, face.time_s, face.track_id, *face.box)
            rows.append([*place, face.score, face.label, face.unsure, *face.probabilities.values()])
    return pd.DataFrame(rows, columns=[*FACE_COLUMNS, *classes])
