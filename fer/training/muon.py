"""Muon for convolutional networks: orthogonal steps for weight matrices, AdamW for everything else.

Keller Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). A small network
such as Mini-Xception underfits fer2013 within any patience one has; Muon learns it in fewer epochs.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.adamw import adamw

from cascade.ranges import Below, NotNegative, Positive

# Coefficients of the quintic iteration in the reference: steepest at zero, at the price of singular
# values that end near 1 rather than at 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


class Muon(Optimizer):
    """Steps along the nearest semi-orthogonal matrix to each weight's averaged gradient.

    That makes sense for weights that mix channels: those that have more than one input channel, taken
    as (out, in × kernel) matrices. Depthwise kernels, biases and normalisation, and the parameter
    groups marked `"muon": False`, step with torch's AdamW instead.

    Args:
        params: parameter groups, each with `params` and perhaps `weight_decay` and `muon`.
        lr: learning rate of the matrices; a step changes a square matrix by about lr in spectral norm.
        adam_lr: learning rate of the rest, scaled by the same schedule.
        momentum: share of the averaged gradient kept per step, 0 to 1.
        betas, eps: AdamW's.
        weight_decay: decoupled decay, multiplied with the group's learning rate.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: NotNegative = 0.02,
        adam_lr: NotNegative = 6e-3,
        momentum: Below = 0.95,
        betas: tuple[Below, Below] = (0.9, 0.999),
        eps: Positive = 1e-8,
        weight_decay: NotNegative = 0.0,
    ) -> None:
        groups = []
        for group in params:
            decay = group.get("weight_decay", weight_decay)
            matrices = [p for p in group["params"] if group.get("muon", True) and p.ndim >= 2 and p.shape[1] > 1]
            others = [p for p in group["params"] if not any(p is q for q in matrices)]
            groups.append({"params": matrices, "lr": lr, "weight_decay": decay, "matrices": True})
            groups.append({"params": others, "lr": adam_lr, "weight_decay": decay, "matrices": False})
        defaults = {"lr": lr, "momentum": momentum, "betas": tuple(betas), "eps": eps}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; return the closure's loss, if there is one."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                (self._muon_step if group["matrices"] else self._adamw_step)(group, params)
        return loss

    def _muon_step(self, group: dict[str, Any], params: list[Tensor]) -> None:
        if group["weight_decay"]:
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        for p in params:
            average = self.state[p].setdefault("momentum", torch.zeros_like(p))
            assert p.grad is not None
            average.lerp_(p.grad, 1 - group["momentum"])
            step = orthogonalise(p.grad.lerp(average, group["momentum"]).flatten(1))
            tall = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
            p.add_(step.view(p.shape), alpha=-group["lr"] * tall)

    def _adamw_step(self, group: dict[str, Any], params: list[Tensor]) -> None:
        for p in params:
            if not self.state[p]:
                zeros = {name: torch.zeros_like(p) for name in ("mean", "square")}
                self.state[p] = {"step": torch.tensor(0.0), **zeros}
        means, squares, steps = ([self.state[p][name] for p in params] for name in ("mean", "square", "step"))
        options = {name: group[name] for name in ("lr", "weight_decay", "eps")}
        options |= {"foreach": True, "amsgrad": False, "maximize": False}
        gradients = [p.grad for p in params if p.grad is not None]
        beta1, beta2 = group["betas"]
        adamw(params, gradients, means, squares, [], steps, beta1=beta1, beta2=beta2, **options)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Return nearly the closest semi-orthogonal matrix, by Newton-Schulz iteration.

    Both are float (rows, columns); the singular vectors stay, and the singular values become about 0.7 to 1.2.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x: Tensor = wide / (wide.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T
