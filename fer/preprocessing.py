"""The one definition of how a face becomes the network's input."""

import cv2
import numpy as np
from numpy.typing import NDArray


def resize_face(gray: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize one gray face to a square.

    Args:
        gray: uint8 (H, W), 0 to 255. A face that is not square is stretched, as detectors' boxes are.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size); the input itself where it already has that size.
    """
    height, width = gray.shape
    if height == width == size:
        return gray
    # averaging over areas avoids aliasing when shrinking; it would give blocks when enlarging
    shrinks = height >= size and width >= size
    resized = cv2.resize(gray, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)
