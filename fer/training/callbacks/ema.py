"""An exponential moving average of the weights, the ones that are validated and saved."""

import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from cascade.checked import check_values
from cascade.ranges import Below


class EMA(WeightAveraging):
    """Averages weights and buffers; checkpoints hold both the average and the raw ones.

    Unlike Lightning's `EMAWeightAveraging`, the average lengthens with the steps taken, over about their last tenth
    until `decay` is reached, so that it never holds the first, random weights; and it updates all tensors in one call.
    `decay`, 0 to 1, is the share of the average kept per step in the long run.
    """

    def __init__(self, decay: Below = 0.998) -> None:
        check_values(EMA, locals(), "callbacks.ema.")

        @torch.no_grad()
        def update(average: list[Tensor], current: list[Tensor], steps: Tensor | int) -> None:
            kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
            if average[0].is_floating_point():
                torch._foreach_lerp_(average, current, 1 - kept)
            else:  # batch norm's counter of batches
                torch._foreach_copy_(average, current)

        super().__init__(use_buffers=True, multi_avg_fn=update)
