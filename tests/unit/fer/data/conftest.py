"""Miniature data sets in the real layout."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

PIXELS = 48 * 48


class Row(NamedTuple):
    emotion: object = 0
    pixels: str = ""
    usage: str = "Training"


def pixels_of(seed: int) -> str:
    return " ".join(map(str, np.random.default_rng(seed).integers(0, 256, PIXELS)))


def good_rows() -> list[Row]:
    """Two training rows, one of PublicTest, one more training row, one of PrivateTest."""
    usages = ("Training", "Training", "PublicTest", "Training", "PrivateTest")
    return [Row(emotion, pixels_of(emotion), usage) for emotion, usage in enumerate(usages)]


@pytest.fixture
def rows() -> list[Row]:
    return good_rows()


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Sequence[Row], name: str = "fer2013.csv", end: str = "\n") -> Path:
        lines = ["emotion,pixels,Usage", *(f"{row.emotion},{row.pixels},{row.usage}" for row in rows)]
        path = tmp_path / name
        path.write_bytes((end.join(lines) + end).encode())
        return path

    return write
