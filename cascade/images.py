"""Checking and converting the images that detectors take."""

from typing import Any

import cv2
import numpy as np

from cascade.detector import Image
from cascade.errors import ImageError


def check_image(image: Any) -> Image:
    """Return the image as a contiguous uint8 array, gray (H, W) or BGR (H, W, 3).

    Args:
        image: uint8 array of shape (H, W), (H, W, 1) or (H, W, 3); any strides.

    Raises:
        ImageError: not an array, not uint8, empty, or of another shape.
    """
    if not isinstance(image, np.ndarray):
        hint = "; cv2.imread gives None for a file it cannot read" if image is None else ""
        raise ImageError(f"expected an image as a NumPy array, got {type(image).__name__}{hint}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ImageError(
            f"expected an image of shape (H, W), (H, W, 1) or (H, W, 3) in BGR order, got {image.shape}; "
            "drop an alpha channel with image[..., :3], pass the images of a batch one by one"
        )
    if image.size == 0:
        raise ImageError(f"the image is empty: shape {image.shape}")
    if image.dtype != np.uint8:
        fixes = {"f": "scale it to 0..255 and convert with .astype(np.uint8)", "u": "divide 16 bit by 257"}
        advice = fixes.get(image.dtype.kind, "convert it with .astype(np.uint8)")
        raise ImageError(f"expected an image of dtype uint8, got {image.dtype}; {advice}")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    return np.ascontiguousarray(image)


def to_gray(image: Any) -> Image:
    """Check an image and return it in gray: (H, W) uint8, contiguous.

    Raises:
        ImageError: see `check_image`.
    """
    checked = check_image(image)
    return checked if checked.ndim == 2 else np.asarray(cv2.cvtColor(checked, cv2.COLOR_BGR2GRAY), np.uint8)
