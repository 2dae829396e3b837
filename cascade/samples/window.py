"""A detector's window: fitting boxes to it, and cutting them out at its size."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cascade.boxes import Box
from cascade.pictures import Image


@dataclass(frozen=True)
class Window:
    """The window of the detector that will be trained.

    Attributes:
        w: width in pixels.
        h: height in pixels.
        aspect: what is done with boxes of another aspect: `crop` the longer side, `pad` the shorter side, or
            `refuse` them.
        tolerance: boxes whose aspect differs by no more than this share are stretched to the window.
    """

    w: int
    h: int
    aspect: str = "crop"
    tolerance: float = 0.05

    def fit(self, box: Sequence[float], width: int, height: int) -> tuple[Box | None, str]:
        """Give a box, `x, y, width, height` in a picture of width × height pixels, the window's aspect.

        Returns:
            The box in whole pixels, which may reach beyond the picture when padded, and what was done to it, empty
            when nothing was; or None and the reason why it cannot be used.
        """
        left, top = max(0, round(box[0])), max(0, round(box[1]))
        right, bottom = min(width, round(box[0] + box[2])), min(height, round(box[1] + box[3]))
        if max(0, right - left) * max(0, bottom - top) < 0.9 * box[2] * box[3]:
            return None, f"reaches outside its picture of {width}×{height}"
        x, y, w, h = left, top, right - left, bottom - top
        change = ""
        wanted = self.w / self.h
        if abs(w / h / wanted - 1) > self.tolerance:
            if self.aspect == "refuse":
                return None, f"aspect {w}:{h} is not {self.w}:{self.h}"
            if (w / h > wanted) == (self.aspect == "crop"):  # the width changes
                new = max(1, round(h * wanted))
                x, w = x + (w - new) // 2, new
            else:
                new = max(1, round(w / wanted))
                y, h = y + (h - new) // 2, new
            change = "cropped" if self.aspect == "crop" else "padded"
        if w < self.w or h < self.h:
            return None, f"too small: {w}×{h}, the window is {self.w}×{self.h}"
        return Box(x, y, w, h), change

    def cut(self, image: Image, box: Box) -> Image:
        """Cut a box out of a gray picture, at the window's size: (h, w) uint8.

        It is what `opencv_createsamples -info` cuts: every pixel the mean of the area that it covers. The box is
        inside the picture, and no smaller than the window.
        """
        x, y, width, height = box
        region = image[y : y + height, x : x + width]
        return np.asarray(cv2.resize(region, (self.w, self.h), interpolation=cv2.INTER_AREA), np.uint8)
