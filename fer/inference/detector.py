"""The name under which a detector's crop was measured."""

from pathlib import Path
from typing import Any


def detector_name(detector: Any) -> str | None:
    """The name of a detector's model file; None where it has none."""
    path = getattr(detector, "path", None)
    return None if path is None else Path(path).stem.removeprefix("haarcascade_")
