"""Which annotated faces a detector is expected to find."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from cascade.errors import DataError
from cascade.pictures import Image
from cascade.samples.image_annotations import ImageAnnotations

_WIDER_MIN_SIZE = 24


@dataclass(frozen=True)
class FaceFilter:
    """Faces that count; the others are ignored. The flags apply to WIDER FACE's annotations alone.

    Attributes:
        min_size: least width and height in pixels. None: 24 for WIDER's, whose smallest faces span a few
            pixels; otherwise no bound.
        max_blur: 0 clear, 1 normal blur, 2 heavy blur.
        max_occlusion: 0 none, 1 partial, 2 heavy.
        max_pose: 0 typical, 1 atypical.
        invalid: count those that WIDER marks as invalid, too.
    """

    min_size: float | None = None
    max_blur: int = 1
    max_occlusion: int = 0
    max_pose: int = 0
    invalid: bool = False

    def apply(self, entry: ImageAnnotations) -> ImageAnnotations:
        """The entry with more faces ignored."""
        min_size = self.min_size
        if min_size is None:
            min_size = _WIDER_MIN_SIZE if entry.flags else 0
        ignore = entry.ignore | (entry.boxes[:, 2:] < min_size).any(axis=1)
        if entry.flags:
            ignore = ignore | (entry.flags["blur"] > self.max_blur)
            ignore |= entry.flags["occlusion"] > self.max_occlusion
            ignore |= entry.flags["pose"] > self.max_pose
            if not self.invalid:
                ignore |= entry.flags["invalid"] > 0
        return replace(entry, ignore=ignore)


def check_files(entries: list[ImageAnnotations]) -> None:
    """Make sure that the images are there before the work begins.

    Raises:
        DataError: some are not; the first three are named.
    """
    missing = [entry.path for entry in entries if not entry.path.is_file()]
    if missing:
        shown = ", ".join(str(path) for path in missing[:3]) + (" ..." if len(missing) > 3 else "")
        raise DataError(
            f"{len(missing)} of {len(entries)} annotated images are missing: {shown}; "
            "give the folder that they are in with images="
        )


def read_image(path: Path) -> Image | None:
    """An image in colour, BGR (H, W, 3); None when OpenCV cannot read it (GIFs need OpenCV 4.11)."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(pixels, np.uint8)
