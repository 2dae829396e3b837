"""A residual network below a million parameters that is strong for the processor time it takes."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from cascade.ranges import Count, Share


class PreActivationBlock(nn.Module):
    """Two 3×3 convolutions, each after batch norm and ReLU, beside a shortcut (He et al., arXiv 1603.05027)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        changes = stride > 1 or in_channels != out_channels
        # the mean of the pixels that a stride would skip: nothing of the maps is thrown away
        pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.shortcut = nn.Sequential(pool, nn.Conv2d(in_channels, out_channels, 1, bias=False)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        active = F.relu(self.norm1(x))
        rest = x if self.shortcut is None else self.shortcut(active)
        change: Tensor = self.conv2(F.relu(self.norm2(self.conv1(active))))
        return change.add(rest)


class SmallResNet(nn.Module):
    """Plain 3×3 convolutions on few pixels: what a processor multiplies fastest, so that many epochs fit into an hour.

    The stem halves the face at once. Most of the work is done on 24×24 to 6×6 places, with as many channels as that
    leaves time for; depthwise convolutions would save parameters and cost time.

    Args:
        num_classes, in_channels: see `fer.models`.
        stem: channels of the first convolution, 5×5 of every second pixel.
        widths: channels of each stage; every stage but the first halves the size.
        blocks: residual blocks of each stage.
        dropout: probability of dropping a feature before the last layer.
    """

    def __init__(
        self,
        num_classes: Count = 7,
        in_channels: Count = 1,
        stem: Count = 24,
        widths: Sequence[Count] = (24, 64, 128),
        blocks: Sequence[Count] = (1, 1, 3),
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks) or not widths:
            raise ValueError(f"model.widths and model.blocks need a number per stage each, not {widths} and {blocks}")
        self.stem = nn.Conv2d(in_channels, stem, 5, stride=2, padding=2, bias=False)
        made, channels = [], stem
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for place in range(count):
                made.append(PreActivationBlock(channels, width, 2 if stage and not place else 1))
                channels = width
        self.blocks = nn.Sequential(*made)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_features(self, x: Tensor) -> Tensor:
        """Normalised faces, float (N, in_channels, H, W), to maps (N, widths[-1], ⌈H/8⌉, ⌈W/8⌉) with three stages."""
        maps: Tensor = self.blocks(self.stem(x))
        return F.relu(self.norm(maps))

    def forward_head(self, maps: Tensor) -> Tensor:
        """Maps of `forward_features`, to logits (N, num_classes)."""
        logits: Tensor = self.head(self.dropout(maps.mean(dim=(2, 3))))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Faces as for `forward_features`, to logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))
