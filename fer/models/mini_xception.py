"""Mini-Xception (Arriaga, Plöger and Valdenegro, arXiv 1710.07557), as its authors released it.

The released Keras code, not the paper's figure, is the reference: padding, batch-norm constants and
initialisation follow Keras, so that weights could be carried over number for number.
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cascade.ranges import Count

MIN_SIZE = 48
"""Smallest height and width that leave something to pool after the last module."""

# Keras: epsilon 1e-3 and momentum 0.99, the share that is *kept*; torch's is the share replaced.
_batch_norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)


def _max_pool_same(x: Tensor) -> Tensor:
    """Max-pool 3×3, stride 2, padded as TensorFlow's SAME: (N, C, H, W) to (N, C, ⌈H/2⌉, ⌈W/2⌉).

    SAME pads one row or column on both sides where the size is odd, but only *after* the image where
    it is even, which is what `ceil_mode` does to a window that leaves the image.
    """
    height, width = x.shape[-2:]
    return F.max_pool2d(x, 3, 2, padding=(height % 2, width % 2), ceil_mode=True)


def _separable_conv(in_channels: int, out_channels: int, depthwise_norm: bool) -> nn.Sequential:
    """A 3×3 convolution per channel, perhaps batch norm, then a 1×1 convolution across them; no bias; size kept."""
    depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
    norms = [_batch_norm(in_channels)] if depthwise_norm else []
    return nn.Sequential(depthwise, *norms, nn.Conv2d(in_channels, out_channels, 1, bias=False))


class XceptionModule(nn.Module):
    """Two separable convolutions and a max-pooling beside a 1×1 shortcut of every second pixel; halves the size."""

    def __init__(self, in_channels: int, out_channels: int, depthwise_norm: bool = False) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), _batch_norm(out_channels))
        self.body = nn.Sequential(
            _separable_conv(in_channels, out_channels, depthwise_norm),
            _batch_norm(out_channels),
            nn.ReLU(inplace=True),
            _separable_conv(out_channels, out_channels, depthwise_norm),
            _batch_norm(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, ⌈H/2⌉, ⌈W/2⌉)."""
        # Every second pixel, by a pooling as fast as a stride. A 1×1 convolution of stride 2 on fewer than 16 channels
        # writes past its workspace in the backward pass (oneDNN #6035, AVX-512): faces of 72 pixels and more crash
        return _max_pool_same(self.body(x)).add(self.shortcut(F.avg_pool2d(x, 1, stride=2)))

    @torch.no_grad()
    def fold_depthwise_norms(self) -> None:
        """Let the convolutions and the norms around each depthwise convolution's norm do what that does."""
        body: Any = self.body
        for place in (0, 3):
            depthwise, norm, pointwise = body[place]
            scaled, shift = fuse_conv_bn_weights(
                depthwise.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            depthwise.weight.copy_(scaled)
            # a constant for each channel, which the next norm takes away again
            body[place + 1].running_mean.sub_(pointwise.weight.flatten(1) @ shift)
            body[place] = nn.Sequential(depthwise, pointwise)


class MiniXception(nn.Module):
    """The 56,951 parameters that reach 66 to 68% on fer2013.

    Args:
        num_classes, in_channels: see `fer.models`.
        stem: channels of the two plain convolutions.
        widths: channels of the residual modules, one module per entry.
        depthwise_norm: batch norm after each depthwise convolution, too. It makes training easier, and `folded`
            leaves nothing of it: the result is the network without.
    """

    def __init__(
        self,
        num_classes: Count = 7,
        in_channels: Count = 1,
        stem: Count = 8,
        widths: Sequence[Count] = (16, 32, 64, 128),
        depthwise_norm: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, stem, 3, bias=False),
            _batch_norm(stem),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem, stem, 3, bias=False),
            _batch_norm(stem),
            nn.ReLU(inplace=True),
        )
        channels = (stem, *widths)
        self.depthwise_norm = depthwise_norm
        self.blocks = nn.Sequential(
            *(XceptionModule(before, after, depthwise_norm) for before, after in pairwise(channels))
        )
        self.head = nn.Conv2d(channels[-1], num_classes, 3, padding=1)
        # Keras's default; its fans of a depthwise kernel are torch's the other way round, with the same sum
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @property
    def cam_layer(self) -> nn.Module:
        """The last module but one: 6×6 places at 48×48 pixels, where the last one has 3×3."""
        return self.blocks[-2:][0]

    def folded(self) -> tuple[Self, dict[str, Any]]:
        """See `fer.models`."""
        if not self.depthwise_norm:
            return self, {}
        network = deepcopy(self)
        for block in network.blocks:
            block.fold_depthwise_norms()  # type: ignore[operator]
        network.depthwise_norm = False
        return network, {"depthwise_norm": False}

    def forward_features(self, x: Tensor) -> Tensor:
        """Normalised gray faces, float (N, in_channels, H, W) with H, W ≥ 48, to maps (N, widths[-1], h, w).

        Raises:
            ValueError: if the faces are smaller than 48×48.
        """
        height, width = x.shape[-2:]
        if min(height, width) < MIN_SIZE:
            raise ValueError(
                f"MiniXception needs faces of {MIN_SIZE}×{MIN_SIZE} pixels or more, got {height}×{width}; "
                f"set data.image_size={MIN_SIZE} or above"
            )
        maps: Tensor = self.blocks(self.stem(x))
        return maps

    def forward_head(self, maps: Tensor) -> Tensor:
        """Maps of `forward_features`, to logits (N, num_classes)."""
        scores: Tensor = self.head(maps)
        return scores.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Faces as for `forward_features`, to logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))
