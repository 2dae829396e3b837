"""Learning-rate schedules, as Lightning wants them: what, how often, and on which metric.

Each takes the optimizer and the run's number of steps; the rest comes from `configs/scheduler/`.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from cascade.ranges import Natural, Part, Share

Schedule = Callable[..., dict[str, Any]]
"""`schedule(optimizer, total_steps=…)` makes Lightning's entry: `scheduler`, `interval` and perhaps `monitor`."""


def one_cycle(
    optimizer: Optimizer, *, total_steps: int, warmup: Share = 0.1, start: Share = 0.04, end: Share = 0.0
) -> dict[str, Any]:
    """Rise in a straight line to the optimizer's rates, then fall along a cosine (Smith, arXiv 1708.07120).

    The settings, shares of 0 to 1, are explained in `configs/scheduler/one_cycle.yaml`.
    """
    rising = max(1.0, warmup * total_steps)

    def factor(step: int) -> float:
        if step < rising:
            return start + (1 - start) * step / rising
        done = min(1.0, (step - rising) / max(1.0, total_steps - rising))
        return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def reduce_on_plateau(
    optimizer: Optimizer,
    *,
    total_steps: int,
    monitor: str,
    mode: Literal["min", "max"] = "min",
    factor: Part = 0.1,
    patience: Natural = 10,
) -> dict[str, Any]:
    """Multiply the rate by `factor` when `monitor` has not improved for more than `patience` epochs."""
    del total_steps  # every schedule is given it; this one has no end
    plateau = ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience)
    return {"scheduler": plateau, "interval": "epoch", "monitor": monitor}


def constant(optimizer: Optimizer, *, total_steps: int) -> dict[str, Any]:
    """Keep the optimizer's rate."""
    del total_steps
    return {"scheduler": LambdaLR(optimizer, lambda step: 1.0), "interval": "epoch"}
