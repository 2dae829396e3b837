"""Pictures of places with nobody in them: rooms, walls, clutter, texture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cascade.drawn.renderer import generator

_CLUTTER = 3


def render_background(seed: int, index: int, width: int, height: int) -> NDArray[np.uint8]:
    """Draw a place, uint8 (height, width, 3), BGR; seed and index are from 0 up, the sides 16 pixels or more."""
    return draw_background(generator(seed, index, _CLUTTER), width, height)


def draw_background(rng: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Draw a place with the generator given; otherwise as `render_background`."""
    cells = rng.integers(50, 215, (int(rng.integers(2, 5)), int(rng.integers(2, 5)), 1))
    tint = rng.integers(-30, 30, (*cells.shape[:2], 3))
    walls = np.clip(cells + tint, 0, 255).astype(np.uint8)
    image = np.asarray(cv2.resize(walls, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    for _ in range(int(rng.integers(3, 14))):
        _clutter(image, rng)
    if rng.random() < 0.7:
        _texture(image, rng)
    depth = rng.uniform(0.2, 3.0)
    image = np.asarray(cv2.GaussianBlur(image, (0, 0), depth), np.uint8)
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32) * np.float32(rng.uniform(0.5, 5.0))
    return np.clip(image + grain[:, :, None], 0, 255).astype(np.uint8)


def _clutter(image: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Put one thing into the picture: a board, a plank, a ball, a row of books or a plant."""
    height, width = image.shape[:2]
    x, y = int(rng.integers(-width // 8, width)), int(rng.integers(-height // 8, height))
    wide, high = int(rng.integers(width // 24 + 2, width // 3)), int(rng.integers(height // 24 + 2, height // 3))
    colour = [int(value) for value in rng.integers(20, 235, 3)]
    edge = [int(value * 0.7) for value in colour]
    kind = int(rng.integers(5))
    if kind == 0:
        cv2.rectangle(image, (x, y), (x + wide, y + high), colour, -1)
        cv2.rectangle(image, (x, y), (x + wide, y + high), edge, max(1, wide // 20))
    elif kind == 1:
        end = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.line(image, (x, y), end, colour, max(1, min(wide, high) // 6), cv2.LINE_AA)
    elif kind == 2:
        cv2.ellipse(image, (x, y), (wide // 2 + 1, high // 2 + 1), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    elif kind == 3:
        left = x
        while left < x + 2 * wide:
            spine = int(rng.integers(max(2, wide // 12), max(4, wide // 5)))
            shelf = [int(value) for value in rng.integers(20, 235, 3)]
            top = y + int(rng.integers(0, max(1, high // 4)))
            cv2.rectangle(image, (left, top), (left + spine, y + high), shelf, -1)
            left += spine + 1
    else:
        for _ in range(12):
            leaf = rng.integers((0, -high), (wide, high))
            tip = (x + int(leaf[0]) - wide // 2, y + int(leaf[1]))
            cv2.line(image, (x, y + high), tip, colour, max(1, wide // 14), cv2.LINE_AA)


def _texture(image: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Lay waves of one direction and wavelength over a part of the picture."""
    height, width = image.shape[:2]
    top, left = int(rng.integers(height * 2 // 3)), int(rng.integers(width * 2 // 3))
    part = image[top:, left:]
    angle, length = rng.uniform(0, np.pi), rng.uniform(4.0, 40.0)
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    waves = np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * (2 * np.pi / length))
    if rng.random() < 0.5:
        waves = np.sign(waves)
    part[...] = np.clip(part + (waves * rng.uniform(5.0, 25.0))[:, :, None], 0, 255).astype(np.uint8)
