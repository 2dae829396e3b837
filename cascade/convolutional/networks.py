"""The networks of the stages: one that scans whole pictures, and those that look at single windows again.

Both answer with four numbers a window: the logit of its holding an object, and where the object really is, as
`cascade.convolutional.framing` reads it. Pixels come as (gray - 128) / 128.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

OUTPUTS = 4
"""Logit, offset to the right and downwards, logarithm of the scale."""


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ScanNetwork(nn.Module):
    """Scans a picture (N, 1, H, W) in steps of 8 pixels: (N, 4, ceil(H / 8), ceil(W / 8)).

    Plain convolutions: as many operations in depthwise and pointwise ones run a little faster, but train three to
    five times slower, and so learn less.

    Args:
        channels: at a half, a quarter and an eighth of the picture's resolution.
        deep: of further convolutions at an eighth.
    """

    stride = 8

    def __init__(self, channels: Sequence[int], deep: Sequence[int]) -> None:
        super().__init__()
        widths = [1, *channels, *deep]
        strides = [2] * len(channels) + [1] * len(deep)
        layers = (_convolution(*pair, stride) for pair, stride in zip(pairwise(widths), strides, strict=True))
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], OUTPUTS, 1)
        _start_rare(self.head)

    def forward(self, x: Tensor) -> Tensor:
        """Its answers."""
        y: Tensor = self.head(self.body(x))
        return y


class WindowNetwork(nn.Module):
    """Judges windows (N, 1, height, width): (N, 4).

    Args:
        size: height and width of its windows in pixels.
        channels: of each halving of the resolution.
        hidden: units before the answer.
    """

    def __init__(self, size: Sequence[int], channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        parts: list[nn.Module] = [_convolution(1, channels[0], stride=2)]
        for before, after in pairwise(channels):
            parts += [_convolution(before, after, stride=2), _convolution(after, after)]
        self.body = nn.Sequential(*parts)
        height, width = size
        for _ in channels:
            height, width = -(-height // 2), -(-width // 2)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * height * width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, OUTPUTS),
        )
        _start_rare(self.head[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Its answers."""
        y: Tensor = self.head(self.body(x))
        return y


def _start_rare(last: nn.Module) -> None:
    """Begin with what is true nearly everywhere, no object: early losses are not spent on learning that."""
    assert isinstance(last, nn.Conv2d | nn.Linear) and last.bias is not None
    nn.init.normal_(last.weight, std=0.01)
    with torch.no_grad():
        last.bias.zero_()
        last.bias[0] = -3.0
