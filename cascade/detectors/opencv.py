"""What detectors that run inside OpenCV share: one native object a thread, sizes, and the framing of their boxes."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import cv2

from cascade.boxes import BoxAdjustment
from cascade.errors import ModelError

Size = int | float | None
"""A bound of a box's sides, as the model frames faces: an int in pixels, a float below 1 as a share of the image's
shorter side, None for none."""


class OpenCVDetector(ABC):
    """Loads a model's file once a thread and process, since OpenCV's objects hold an image's buffers, too.

    So one detector may be used from several threads, and can be pickled.

    Args:
        min_size: smallest box of the model's, both sides.
        box_adjustment: from the model's own framing to the canonical one; None: the model's boxes are canonical.

    Raises:
        ModelError: the file is missing or broken, or an impossible size.
    """

    def __init__(self, path: Path, min_size: Size, box_adjustment: BoxAdjustment | None) -> None:
        self.path = path
        self.min_size = checked_size("min_size", min_size)
        self.box_adjustment = box_adjustment or BoxAdjustment()
        self._native()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_local"}

    def __repr__(self) -> str:
        settings = (f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({', '.join(settings)})"

    def _remedy(self) -> str:
        """What helps where the file is missing."""
        return ""

    @abstractmethod
    def _load(self) -> Any:
        """Load the file, which is there."""

    def _native(self) -> Any:
        """What this thread loaded."""
        local = vars(self).setdefault("_local", threading.local())  # none in a new detector, nor in an unpickled one
        if not hasattr(local, "native"):
            if not self.path.is_file():
                raise ModelError(f"there is no model file {self.path}{self._remedy()}")
            try:
                local.native = self._load()
            except (cv2.error, SystemError) as error:
                # a constructor that fails inside OpenCV surfaces as SystemError; its cause says why
                reason = str(error.__cause__ or error).strip().splitlines()[0]
                raise ModelError(f"OpenCV cannot read {self.path} as a model of this kind: {reason}") from error
        return local.native


def require_opencv(name: str) -> None:
    """Make sure that this OpenCV has a class; a ModelError says so where it has not, as OpenCV 5 has no cascades."""
    if not hasattr(cv2, name):
        remedy = 'install one that has: pip install "opencv-python>=4.10,<5"'
        raise ModelError(f"OpenCV {cv2.__version__} has no {name}; {remedy}")


def checked_size(name: str, size: Size) -> Size:
    """The size, if it is one; ModelError for what is not above 0, or a float from 1 on."""
    if size is None or (not isinstance(size, bool) and size > 0 and (isinstance(size, int) or size < 1)):
        return size
    raise ModelError(f"{name} is an int in pixels or a share between 0 and 1 of the shorter side, not {size}")


def pixels(size: Size, shorter: int) -> int:
    """A size in pixels, for an image of this shorter side; 0, as for OpenCV, is no bound."""
    return max(1, round(size * shorter)) if isinstance(size, float) else size or 0
