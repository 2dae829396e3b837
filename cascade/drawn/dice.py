"""Drawing by lot: uniform draws, and dataclasses whose fields say how each is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """A fixed number of uniform draws, made at once and handed out one by one.

    One call into numpy instead of a hundred: half the time of a face would go there. Every method takes
    one draw or a fixed number of them, so that what is drawn later never depends on what came before.
    """

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self._draws = iter(rng.random(count).tolist())

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(next(self._draws))

    def around(self, centre: float, spread: float) -> float:
        """Triangular over centre ± spread, most often near the centre."""
        return centre + spread * float(next(self._draws) + next(self._draws) - 1.0)

    def pick(self, count: int) -> int:
        """An integer from 0 to count − 1, all equally likely."""
        return int(next(self._draws) * count)


def lot(draw: Callable[[Dice, Mapping[str, Any]], Any], default: Any = MISSING) -> Any:
    """A dataclass field that `drawn` fills by calling `draw` with the dice and the fields drawn before it."""
    return field(default=default, metadata={"draw": draw})


def between(low: float, high: float, default: Any = MISSING) -> Any:
    """A field that is drawn uniformly in [low, high)."""
    return lot(lambda dice, _: dice.between(low, high), default)


def around(centre: float, spread: float) -> Any:
    """A field that is drawn around a centre, which is its default."""
    return lot(lambda dice, _: dice.around(centre, spread), centre)


def one_of(*options: str) -> Any:
    """A field that is one of the options, all equally likely; an option may be given several times."""
    return lot(lambda dice, _: options[dice.pick(len(options))])


def drawn(kind: type[T], dice: Dice) -> T:
    """Draw an object of a dataclass by lot, its fields in their order."""
    values: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        values[each.name] = each.metadata["draw"](dice, values)
    return kind(**values)
