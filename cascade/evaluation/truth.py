"""Which annotated faces a detector is expected to find."""

from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta

from cascade.ranges import NotNegative
from cascade.samples.image_annotations import ImageAnnotations

_WIDER_MIN_SIZE = 24
Flag = Annotated[int, Meta(ge=0, le=2)]


@dataclass
class FaceFilter:
    """Faces that count; the others are ignored.

    Attributes:
        min_size: least width and height in pixels. None: 24 for WIDER's, whose smallest faces span a few
            pixels; otherwise no bound.
        max_blur, max_occlusion, max_pose: the largest of WIDER FACE's flags, see `ImageAnnotations`.
        invalid: count those that WIDER marks as invalid, too.
    """

    min_size: NotNegative | None = None
    max_blur: Flag = 1
    max_occlusion: Flag = 0
    max_pose: Flag = 0
    invalid: bool = False

    def apply(self, entry: ImageAnnotations) -> ImageAnnotations:
        """The entry with more faces ignored."""
        default = _WIDER_MIN_SIZE if entry.flags else 0
        ignore = entry.ignore | (entry.boxes[:, 2:] < (default if self.min_size is None else self.min_size)).any(axis=1)
        if entry.flags:
            most = {"blur": self.max_blur, "occlusion": self.max_occlusion, "pose": self.max_pose}
            for flag, value in (most if self.invalid else most | {"invalid": 0}).items():
                ignore |= entry.flags[flag] > value
        return replace(entry, ignore=ignore)
