"""The whole detector as one torch module, made to be exported: a picture goes in, boxes and scores come out."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import nms, roi_align

from cascade.convolutional.networks import ScanNetwork, WindowNetwork

LEVELS = 9  # of the pyramid: objects up to 2 ** 9 times as large as the smallest
_MIDDLE = 128.0


@dataclass
class WindowStage:
    """A network that looks at single windows again, and how.

    Attributes:
        network: the network.
        patch: height and width of what it sees in pixels.
        context: sides of what it sees, in those of the window.
        threshold: least logit of windows that go on.
        overlap: IoU from which the worse of two windows goes.
        passes: how often it looks; each time at what it re-framed before.
    """

    network: WindowNetwork
    patch: tuple[int, int]
    context: float
    threshold: float = 0.0
    overlap: float = 0.5
    passes: int = 1


class CascadeGraph(nn.Module):
    """Finds objects in a gray picture, uint8 (H, W).

    Args:
        scan: the network that scans.
        stages: those that look again.
        size: the smallest object that the first network finds, mean side in pixels.
        aspect: width over height of objects.
        threshold: least logit of the windows that the scan finds.
        overlap: IoU from which the worse of two such windows goes.
        calibration: slope and bias that make the score's logit of the last stage's.
        final_overlap: IoU from which the worse of two boxes that are delivered goes.
        nested: the same, of what they share in the smaller one.
    """

    def __init__(
        self,
        scan: ScanNetwork,
        stages: list[WindowStage],
        size: float,
        aspect: float,
        threshold: float,
        overlap: float = 0.6,
        calibration: tuple[float, float] = (1.0, 0.0),
        final_overlap: float = 0.4,
        nested: float = 0.6,
    ) -> None:
        super().__init__()
        self.scan, self.networks = scan, nn.ModuleList(stage.network for stage in stages)
        self.stages, self.size, self.aspect = stages, size, aspect
        self.threshold, self.overlap, self.final_overlap = threshold, overlap, final_overlap
        self.calibration, self.nested = calibration, nested

    def forward(
        self, picture: Tensor, min_size: Tensor, threshold: Tensor, max_windows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Boxes (N, 4) float32 `x, y, width, height` in pixels, and scores (N,), falling, 0 to 1.

        `min_size` is the width of the smallest object in pixels, `threshold` the least score.
        """
        windows, logits = self.windows(picture, min_size, max_windows)
        slope, bias = self.calibration
        scores = torch.sigmoid(logits[:, -1] * slope + bias)
        windows, scores = _thin(windows, scores[:, None], threshold, self.final_overlap, self.aspect, max_windows)
        boxes = to_boxes(windows, self.aspect)
        kept = torch.nonzero(~_nested(boxes, self.nested))[:, 0]
        return boxes[kept], scores[kept, 0]

    def windows(self, picture: Tensor, min_size: Tensor, max_windows: Tensor) -> tuple[Tensor, Tensor]:
        """What passes all stages: windows (M, 3), and what each stage says of them, logits (M, stages)."""
        pixels = (picture.to(torch.float32)[None, None] - _MIDDLE) / _MIDDLE
        levels = [pixels]
        for _ in range(LEVELS - 1):
            levels.append(halved(levels[-1]))
        windows, logits = self.scanned(levels, min_size)
        windows, logits = _thin(windows, logits[:, None], self.threshold, self.overlap, self.aspect, max_windows)
        for stage in self.stages:
            for number in range(stage.passes):
                windows, logits = self.looked_again(levels, windows, logits, stage, again=number > 0)
            windows, logits = _thin(windows, logits, stage.threshold, stage.overlap, self.aspect, max_windows)
        return windows, logits

    def scanned(self, levels: list[Tensor], min_size: Tensor) -> tuple[Tensor, Tensor]:
        """Every step of every level: windows (M, 3) in the picture's pixels, and logits (M,)."""
        shrink = self.size / (min_size * math.sqrt(1 / self.aspect))
        base = _resized(levels, shrink)
        height, width = levels[0].shape[2], levels[0].shape[3]
        back = torch.stack([_float(width) / _float(base.shape[3]), _float(height) / _float(base.shape[2])])
        windows, logits = [], []
        middle, stride = self.size * math.sqrt(2), self.scan.stride
        for number in range(LEVELS):
            told = self.scan(base)[0]
            rows = (torch.arange(told.shape[1], dtype=torch.float32) + 0.5)[:, None] * stride
            columns = (torch.arange(told.shape[2], dtype=torch.float32) + 0.5)[None] * stride
            x = (columns + told[1] * middle) * 2.0**number * back[0]
            y = (rows + told[2] * middle) * 2.0**number * back[1]
            size = torch.exp(told[3].clamp(-2, 2)) * (middle * 2.0**number) * torch.sqrt(back[0] * back[1])
            windows.append(torch.stack([x, y, size]).reshape(3, -1))
            logits.append(told[0].reshape(-1))
            base = halved(base)
        return torch.cat(windows, 1).t(), torch.cat(logits)

    def looked_again(
        self, levels: list[Tensor], windows: Tensor, logits: Tensor, stage: WindowStage, again: bool
    ) -> tuple[Tensor, Tensor]:
        """The windows re-framed (M, 3), and the logits with a column more (M, k + 1), or the last one anew."""
        told, order = [], []
        seen = windows * torch.tensor([1.0, 1.0, stage.context])
        for part, patches in cut(levels, seen, stage.patch):
            told.append(patches)
            order.append(part)
        answers = stage.network(torch.cat(told))
        index = torch.cat(order)
        before, logits = windows[index], logits[index]
        size = before[:, 2:]
        moved = torch.cat([before[:, :2] + answers[:, 1:3] * size, size * torch.exp(answers[:, 3:].clamp(-1, 1))], 1)
        return moved, torch.cat([logits[:, :-1] if again else logits, answers[:, :1]], 1)


def halved(picture: Tensor) -> Tensor:
    """A picture (1, 1, H, W) of half the size; an odd last row or column is averaged by itself."""
    return nn.functional.avg_pool2d(picture, 2, ceil_mode=True, count_include_pad=False)


def cut(levels: list[Tensor], windows: Tensor, patch: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """Cut windows (M, 3), context included, out of the levels whose pixels are nearest to the patch's.

    Returns:
        For each level the numbers of its windows (m,), and their patches (m, 1, *patch).
    """
    step = windows[:, 2] / math.sqrt(patch[0] * patch[1])
    level = torch.floor(torch.log2(step) + 0.5).clamp(0, len(levels) - 1)
    half = step[:, None] * torch.tensor([patch[1] / 2, patch[0] / 2])
    corners = torch.cat([windows[:, :2] - half, windows[:, :2] + half], 1)
    cuts = []
    for number, picture in enumerate(levels):
        part = torch.nonzero(level == number)[:, 0]
        boxes = corners[part] * 0.5**number
        regions = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], 1)
        cuts.append((part, roi_align(picture, regions, patch, 1.0, 1, aligned=True)))
    return cuts


def to_boxes(windows: Tensor, aspect: float) -> Tensor:
    """Windows (M, 3) as boxes (M, 4) `x, y, width, height`."""
    width, height = windows[:, 2:] * math.sqrt(aspect), windows[:, 2:] / math.sqrt(aspect)
    return torch.cat([windows[:, :1] - width / 2, windows[:, 1:2] - height / 2, width, height], 1)


def _thin(
    windows: Tensor, logits: Tensor, threshold: float | Tensor, overlap: float, aspect: float, most: Tensor
) -> tuple[Tensor, Tensor]:
    """Those above a threshold of their last logit, without those that overlap a better one, best first."""
    passed = torch.nonzero(logits[:, -1] > threshold)[:, 0]
    windows, logits = windows[passed], logits[passed]
    boxes = to_boxes(windows, aspect)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    kept = nms(corners, logits[:, -1], overlap)[:most]
    return windows[kept], logits[kept]


def _nested(boxes: Tensor, share: float) -> Tensor:
    """Which of boxes (N, 4), best first, have that share of a better one within them, or lie within one: bool (N,)."""
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    first, second = corners[:, None], corners[None]
    sides = (torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])).clamp(
        min=0
    )
    area = boxes[:, 2] * boxes[:, 3]
    shared = sides[..., 0] * sides[..., 1] / torch.minimum(area[:, None], area[None])
    place = torch.arange(boxes.shape[0])
    better = place[None] < place[:, None]
    return ((shared > share) & better).to(torch.float32).sum(1) > 0


def _resized(levels: list[Tensor], shrink: Tensor) -> Tensor:
    """The picture times `shrink`: the smallest level that is no smaller, interpolated."""
    flat = torch.cat([level.reshape(-1) for level in levels])
    heights = torch.stack([_int(level.shape[2]) for level in levels])
    widths = torch.stack([_int(level.shape[3]) for level in levels])
    ends = torch.cumsum(heights * widths, 0)
    number = torch.floor(-torch.log2(shrink)).clamp(0, len(levels) - 1).to(torch.int64)
    height, width, end = heights[number], widths[number], ends[number]
    shape: Any = (1, 1, height, width)  # tensors, so that the exported graph computes them
    level = flat[end - height * width : end].reshape(shape)
    left = shrink * torch.pow(2.0, number)
    goal: Any = [torch.ceil(_float(side) * left).clamp(min=1).to(torch.int64) for side in (height, width)]
    return nn.functional.interpolate(level, size=goal, mode="bilinear", align_corners=False)


def _float(value: int | Tensor) -> Tensor:
    return torch.as_tensor(value).to(torch.float32)


def _int(value: int | Tensor) -> Tensor:
    return torch.as_tensor(value).to(torch.int64)
