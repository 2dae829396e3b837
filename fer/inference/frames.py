"""One frame of a picture, film or camera, what is made of it once for all, and taking frames ahead of their use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np

from cascade.pictures import Image, to_gray

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame; a picture is the only one of its kind."""

    image: Image  # uint8, BGR (H, W, 3) or gray (H, W)
    index: int = 0
    time_s: float | None = None  # time stamp in seconds, from the file or the clock; None for a picture

    @cached_property
    def gray(self) -> Image:
        """The frame in gray, uint8 (H, W)."""
        return to_gray(self.image)

    @cached_property
    def _copies(self) -> dict[int, Image]:
        return {max(self.gray.shape): self.gray}

    def shrunk(self, longest: int) -> Image:
        """The frame in gray with a longer side of at most `longest` pixels, made of the smallest copy that will do."""
        full = max(self.gray.shape)
        longest = min(longest, full)
        if longest not in self._copies:
            height, width = (max(1, round(side * longest / full)) for side in self.gray.shape)
            larger = self._copies[min(side for side in self._copies if side > longest)]
            self._copies[longest] = np.asarray(cv2.resize(larger, (width, height), interpolation=cv2.INTER_AREA))
        return self._copies[longest]


def ahead(items: Iterator[T], count: int) -> Iterator[T]:
    """Take items in a thread of its own, up to `count` before they are used; errors come in their place."""
    end: Any = object()
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, items, end) for _ in range(count))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, items, end))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)
