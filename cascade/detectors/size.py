"""Sizes of faces as users give them: in pixels, or as a share of the picture."""

from typing import Annotated

from msgspec import Meta

from cascade.errors import ModelError

Size = Annotated[int, Meta(ge=1)] | Annotated[float, Meta(gt=0)] | None
"""A bound of a box's sides, as the model frames faces: an int in pixels, a float below 1 as a share of the image's
shorter side, None for none."""


def checked_size(name: str, size: Size) -> Size:
    """The size, if it is one; ModelError for what is not above 0, or a float from 1 on."""
    if size is None or (not isinstance(size, bool) and size > 0 and (isinstance(size, int) or size < 1)):
        return size
    raise ModelError(f"{name} is an int in pixels or a share between 0 and 1 of the shorter side, not {size}")


def pixels(size: Size, shorter: int) -> int:
    """A size in pixels, for an image of this shorter side; 0, as for OpenCV, is no bound."""
    return max(1, round(size * shorter)) if isinstance(size, float) else size or 0
