"""Fitting a box to a detector's window: its aspect, its smallest size, the picture's borders."""

from dataclasses import dataclass

from cascade.boxes import Box


@dataclass(frozen=True)
class Fit:
    """A box fitted to a window, or the reason why it cannot be.

    Attributes:
        box: x, y, width, height in pixels; None when it cannot be fitted. When padded it
            may reach beyond the picture.
        change: what was done to it, or why it was left out; empty when it fitted as it was.
    """

    box: Box | None
    change: str = ""


@dataclass(frozen=True)
class WindowFitter:
    """Makes boxes of a window's aspect.

    Attributes:
        w: width of the window in pixels.
        h: height of the window in pixels.
        tolerance: boxes whose aspect differs by no more than this share are kept as they are; the binary
            stretches them to the window.
        how: what is done with the others: `crop` the longer side, `pad` the shorter side, or `refuse` them.
    """

    w: int
    h: int
    tolerance: float
    how: str

    def fit(self, box: tuple[float, float, float, float], width: int, height: int) -> Fit:
        """Fit a box in a picture of width × height pixels."""
        left, top = max(0, round(box[0])), max(0, round(box[1]))
        right, bottom = min(width, round(box[0] + box[2])), min(height, round(box[1] + box[3]))
        inside = max(0, right - left) * max(0, bottom - top)
        if inside < 0.9 * box[2] * box[3]:
            return Fit(None, f"reaches outside its picture of {width}×{height}")
        x, y, w, h = left, top, right - left, bottom - top
        change = ""
        wanted = self.w / self.h
        if abs(w / h / wanted - 1) > self.tolerance:
            if self.how == "refuse":
                return Fit(None, f"aspect {w}:{h} is not {self.w}:{self.h}")
            wide = w / h > wanted
            if wide == (self.how == "crop"):  # the width changes
                new = max(1, round(h * wanted))
                x, w = x + (w - new) // 2, new
            else:
                new = max(1, round(w / wanted))
                y, h = y + (h - new) // 2, new
            change = "cropped" if self.how == "crop" else "padded"
        if w < self.w or h < self.h:
            return Fit(None, f"too small: {w}×{h}, the window is {self.w}×{self.h}")
        return Fit(Box(x, y, w, h), change)
