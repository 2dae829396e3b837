"""What detectors that run inside OpenCV share: one native object a thread."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import cv2

from cascade.boxes import BoxAdjustment
from cascade.detectors.file_detector import FileDetector
from cascade.detectors.size import Size
from cascade.errors import ModelError


class OpenCVDetector(FileDetector, ABC):
    """Loads a model's file once a thread and process, since OpenCV's objects hold an image's buffers, too.

    So one detector may be used from several threads, and can be pickled. Arguments are those of `FileDetector`.

    Raises:
        ModelError: the file is missing or broken, or an impossible size.
    """

    def __init__(self, path: Path, min_size: Size, box_adjustment: BoxAdjustment | None) -> None:
        super().__init__(path, min_size, box_adjustment)
        self._native()

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
