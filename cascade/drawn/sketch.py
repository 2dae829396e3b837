"""Coloured shapes on a head that turns: what is painted, still without a single pixel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cascade.drawn.colours import Colour
from cascade.drawn.parameters import Identity, Pose

Array = NDArray[np.float64]
Points = Array | Sequence[float]

#: Relief of what lies in the plane of the head's outline and does not turn with the head.
FLAT = math.nan
#: Depth of the head from the plane of its outline to its front.
_DEPTH = 0.85

_ANGLES = np.linspace(0.0, 2.0 * math.pi, 20, endpoint=False)
COS, SIN = np.cos(_ANGLES), np.sin(_ANGLES)


class Shape(NamedTuple):
    """One filled polygon or one stroke."""

    x: Array  # (N,) in face units, seen from the front
    y: Array  # (N,)
    colour: Colour
    relief: float  # how far it stands out from the head's surface, or FLAT
    thickness: float  # width of the stroke in face units, 0 for a filled polygon
    body: bool  # it belongs to head, hair or neck, and the face's own shading falls on it


@dataclass
class Sketch:
    """Shapes in the order of painting, and the soft shading that lies on the body's shapes."""

    shapes: list[Shape] = field(default_factory=list)
    # (x, y, width, height, strength): soft spots, brighter or, negative, darker
    glows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def fill(self, x: Array, y: Array, colour: Colour, relief: float = 0.0, *, body: bool = False) -> None:
        """Add a polygon; the arguments are those of `Shape`."""
        self.shapes.append(Shape(x, y, colour, relief, 0.0, body))

    def between(self, x: Array, top: Array, low: Array, colour: Colour, relief: float = 0.0) -> None:
        """Add the area between two curves over the same x, (N,) each."""
        self.fill(np.concatenate([x, x[::-1]]), np.concatenate([top, low[::-1]]), colour, relief)

    def stroke(self, x: Points, y: Points, colour: Colour, thickness: float, relief: float = 0.0) -> None:
        """Add a line."""
        self.shapes.append(Shape(np.asarray(x, float), np.asarray(y, float), colour, relief, thickness, False))

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour, relief: float = 0.0) -> None:
        """Add an ellipse with its half-axes `width` and `height`."""
        self.fill(x + width * COS, y + height * SIN, colour, relief)

    def glow(self, x: float, y: float, width: float, height: float, strength: float) -> None:
        """Lighten (or darken) softly around a place; `strength` is a share of the brightness."""
        self.glows.append((x, y, width, height, strength))

    def points(self, pose: Pose, identity: Identity) -> Array:
        """All points after the turn of the head, (N, 2) in face units, roll and scale not yet applied."""
        xs, ys, _, reliefs, _, _ = zip(*self.shapes, strict=True)
        relief = np.repeat(reliefs, [len(x) for x in xs])
        return turned(np.concatenate(xs), np.concatenate(ys), relief, pose, identity)


def turned(x: Array, y: Array, relief: Array, pose: Pose, identity: Identity) -> Array:
    """Turn points on an ellipsoidal head by yaw and pitch and project them along the line of sight.

    `x` and `y`, (N,) each, are seen from the front, `relief`, (N,), is the height over the surface, FLAT for points
    that do not turn, and `identity` gives the head's size. Returns (N, 2).
    """
    roundness = 1.0 - (x * (0.926 / identity.width)) ** 2 - ((y - 0.1) * (1.0 / 1.75)) ** 2
    # The turn pushes the front by sin · depth; on average the eyes and the mouth stay in their place.
    depth = _DEPTH * np.sqrt(np.maximum(roundness, 0.0)) + (relief - 0.35 * _DEPTH)
    flat = np.isnan(relief)
    across = np.where(flat, x, x * math.cos(pose.yaw) + math.sin(pose.yaw) * depth)
    down = np.where(flat, y, y * math.cos(pose.pitch) + math.sin(pose.pitch) * depth)
    return np.stack([across, down], axis=1)
