"""Coloured shapes on a head that turns: what is painted, still without a single pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cascade.drawn.parameters import Colour, Identity, Pose

Array = NDArray[np.float64]

#: Depth of the head from the plane of its outline to its front.
_DEPTH = 0.85

_ANGLES = np.linspace(0.0, 2.0 * math.pi, 20, endpoint=False)
COS, SIN = np.cos(_ANGLES), np.sin(_ANGLES)


class Shape(NamedTuple):
    """One filled polygon or one stroke.

    Attributes:
        start: Index of its first point in the sketch.
        stop: One past its last point.
        colour: Blue, green, red.
        thickness: Width of the stroke in face units, 0 for a filled polygon.
        body: True where it belongs to head, hair or neck, and the face's own shading falls on it.
    """

    start: int
    stop: int
    colour: Colour
    thickness: float
    body: bool


@dataclass
@dataclass
class Sketch:
    """Shapes in the order of painting, and the soft shading that lies on the body's shapes.

    Attributes:
        shapes: In the order of painting.
        glows: Rows (x, y, width, height, strength): soft spots, brighter or, negative, darker.
    """

    shapes: list[Shape] = field(default_factory=list)
    glows: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    _x: list[Array] = field(default_factory=list)
    _y: list[Array] = field(default_factory=list)
    _relief: list[float] = field(default_factory=list)
    _count: int = 0

    def fill(self, x: Array, y: Array, colour: Colour, relief: float | None = 0.0, *, body: bool = False) -> None:
        """Add a polygon.

        Args:
            x: (N,) in face units.
            y: (N,) in face units.
            colour: Blue, green, red.
            relief: How far it stands out from the head's surface; None where it lies in the outline's
                plane and does not turn with the head.
            body: See `Shape`.
        """
        self._add(x, y, colour, 0.0, relief, body)

    def between(self, x: Array, top: Array, low: Array, colour: Colour, relief: float | None = 0.0) -> None:
        """Add the area between two curves over the same x, (N,) each."""
        self._add(np.concatenate([x, x[::-1]]), np.concatenate([top, low[::-1]]), colour, 0.0, relief, False)

    def stroke(
        self,
        x: Array | Sequence[float],
        y: Array | Sequence[float],
        colour: Colour,
        thickness: float,
        relief: float | None = 0.0,
    ) -> None:
        """Add a line, its thickness in face units; otherwise as `fill`."""
        self._add(np.asarray(x, float), np.asarray(y, float), colour, thickness, relief, False)

    def ellipse(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        relief: float | None = 0.0,
        *,
        body: bool = False,
    ) -> None:
        """Add an ellipse with its half-axes `width` and `height`."""
        self._add(x + width * COS, y + height * SIN, colour, 0.0, relief, body)

    def glow(self, x: float, y: float, width: float, height: float, strength: float) -> None:
        """Lighten (or darken) softly around a place; `strength` is a share of the brightness."""
        self.glows.append((x, y, width, height, strength))

    def _add(self, x: Array, y: Array, colour: Colour, thickness: float, relief: float | None, body: bool) -> None:
        self._x.append(x)
        self._y.append(y)
        self._relief.append(math.nan if relief is None else relief)
        self.shapes.append(Shape(self._count, self._count + len(x), colour, thickness, body))
        self._count += len(x)

    def points(self, pose: Pose, identity: Identity) -> Array:
        """All points after the turn of the head, (N, 2) in face units, roll and scale not yet applied."""
        relief = np.repeat(self._relief, [len(x) for x in self._x])
        return turned(np.concatenate(self._x), np.concatenate(self._y), relief, pose, identity)


def turned(x: Array, y: Array, relief: Array, pose: Pose, identity: Identity) -> Array:
    """Turn points on an ellipsoidal head by yaw and pitch and project them along the line of sight.

    Args:
        x: (N,) seen from the front.
        y: (N,) seen from the front.
        relief: (N,) height over the surface; NaN for points that do not turn.
        pose: The turn.
        identity: Gives the head's size.

    Returns:
        (N, 2).
    """
    roundness = 1.0 - (x * (0.926 / identity.width)) ** 2 - ((y - 0.1) * (1.0 / 1.75)) ** 2
    # The turn pushes the front by sin · depth; on average the eyes and the mouth stay in their place.
    depth = _DEPTH * np.sqrt(np.maximum(roundness, 0.0)) + (relief - 0.35 * _DEPTH)
    result = np.empty((len(x), 2))
    result[:, 0] = np.where(relief == relief, x * math.cos(pose.yaw) + math.sin(pose.yaw) * depth, x)
    result[:, 1] = np.where(relief == relief, y * math.cos(pose.pitch) + math.sin(pose.pitch) * depth, y)
    return result


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or lighter, kept within 0 to 255."""
    return min(255.0, colour[0] * factor), min(255.0, colour[1] * factor), min(255.0, colour[2] * factor)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way from the first to the second."""
    return (
        one[0] + share * (other[0] - one[0]),
        one[1] + share * (other[1] - one[1]),
        one[2] + share * (other[2] - one[2]),
    )
