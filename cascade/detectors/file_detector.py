"""What detectors that run a model's file share: its path, the framing of its boxes, how they are shown and kept."""

from pathlib import Path
from typing import Any

from cascade.boxes import BoxAdjustment
from cascade.detectors.size import Size, checked_size


class FileDetector:
    """Shows its settings, and is pickled with them alone: what is private is opened again from the file.

    Args:
        path: the model's file.
        min_size: smallest box of the model's, both sides.
        box_adjustment: from the model's own framing to the canonical one; None: the model's boxes are canonical.

    Raises:
        ModelError: an impossible size.
    """

    def __init__(self, path: Path, min_size: Size, box_adjustment: BoxAdjustment | None) -> None:
        self.path = path
        self.min_size = checked_size("min_size", min_size)
        self.box_adjustment = box_adjustment or BoxAdjustment()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name[0] != "_"}

    def __repr__(self) -> str:
        settings = (f"{name}={value!r}" for name, value in self.__getstate__().items())
        return f"{type(self).__name__}({', '.join(settings)})"
