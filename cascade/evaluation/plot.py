"""The curves of several detectors in one picture, drawn with OpenCV."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from cascade.evaluation.curves import Curve
from cascade.pictures import Image

_WIDTH, _HEIGHT = 1000, 700
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 30, 60, 70
_FINE = 2  # drawn larger and reduced, for smooth lines and letters
# Okabe and Ito's colours, which colour-blind readers tell apart, in BGR
_COLOURS = [(178, 114, 0), (0, 94, 213), (115, 158, 0), (167, 121, 204), (0, 159, 230), (233, 180, 86), (0, 0, 0)]
_GRID, _INK = (225, 225, 225), (40, 40, 40)


_Point = tuple[int, float]  # false alarms, detection rate


def plot_curves(
    curves: Mapping[str, Curve],
    operating: Mapping[str, _Point],
    title: str,
    sweeps: Mapping[str, Sequence[_Point]] | None = None,
) -> Image:
    """Draw detection rate over the number of false alarms, the latter on a logarithmic axis.

    Args:
        curves: by detector.
        operating: by detector, false alarms and detection rate with its own settings: a dot on the curve.
        title: the line above.
        sweeps: by detector, the same with other settings: rings.

    Returns:
        (700, 1000, 3) uint8, BGR.
    """
    most = max((int(curve.wrong[-1]) for curve in curves.values() if len(curve.wrong)), default=1)
    decades = max(1, math.ceil(math.log10(max(most, 10))))
    canvas = np.full((_HEIGHT * _FINE, _WIDTH * _FINE, 3), 255, np.uint8)

    def place(false_alarms: float, rate: float) -> tuple[int, int]:
        across = math.log10(max(false_alarms, 1)) / decades
        x = _LEFT + across * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - rate * (_HEIGHT - _TOP - _BOTTOM)
        return round(x * _FINE), round(y * _FINE)

    for tenth in range(11):
        cv2.line(canvas, place(1, tenth / 10), place(10**decades, tenth / 10), _GRID, _FINE)
        x, y = place(1, tenth / 10)
        _write(canvas, f"{tenth * 10}%", x - 48 * _FINE, y + 5 * _FINE)
    for exponent in range(decades + 1):
        for step in range(1, 10 if exponent < decades else 2):
            value = step * 10**exponent
            cv2.line(canvas, place(value, 0), place(value, 1), _GRID, _FINE if step > 1 else 2 * _FINE)
        x, y = place(10**exponent, 0)
        _write(canvas, str(10**exponent), x - 5 * _FINE * len(str(10**exponent)), y + 22 * _FINE)
    x, y = place(10 ** (decades / 2), 0)
    images = next(iter(curves.values())).images if curves else 0
    _write(canvas, f"false alarms in {images} images", x - 110 * _FINE, y + 48 * _FINE)
    _write(canvas, title, _LEFT * _FINE, 36 * _FINE, 0.6)
    for index, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        points = [place(wrong, rate) for wrong, rate in zip(curve.wrong, curve.rates, strict=True)]
        if points:
            line = np.array(points, np.int32).reshape(-1, 1, 2)
            cv2.polylines(canvas, [line], isClosed=False, color=colour, thickness=2 * _FINE, lineType=cv2.LINE_AA)
        for point in (sweeps or {}).get(name, ()):
            cv2.circle(canvas, place(*point), 5 * _FINE, colour, _FINE, cv2.LINE_AA)
        if name in operating:
            cv2.circle(canvas, place(*operating[name]), 6 * _FINE, colour, -1, cv2.LINE_AA)
        y = (_HEIGHT - _BOTTOM - 16 - 24 * (len(curves) - 1 - index)) * _FINE
        x = (_WIDTH - _RIGHT - 290) * _FINE
        cv2.line(canvas, (x, y), (x + 30 * _FINE, y), colour, 3 * _FINE, cv2.LINE_AA)
        _write(canvas, f"{name}  AP {curve.average_precision():.3f}", x + 40 * _FINE, y + 5 * _FINE)
    small = cv2.resize(canvas, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _write(canvas: Image, text: str, x: int, y: int, size: float = 0.5) -> None:
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size * _FINE, _INK, _FINE, cv2.LINE_AA)
