"""Several networks as one: the mean of their probabilities."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from msgspec import Meta
from torch import Tensor, nn

from cascade.ranges import Count
from fer.checkpoint import build_network
from fer.preprocessing import Side

Members = Annotated[Sequence[dict[str, Any]], Meta(min_length=1, max_length=64)]


class MeanProbability(nn.Module):
    """Logits of several networks, (N, members, C), to those of their mean probabilities, (N, C)."""

    def forward(self, logits: Tensor) -> Tensor:
        """See the class."""
        return logits.log_softmax(dim=2).logsumexp(dim=1)


class Ensemble(nn.Module):
    """Trained networks that judge each face together (Hansen and Salamon, 1990); `python -m fer.ensemble` makes one.

    As it is a network of its own, it is evaluated, exported and used like any other.

    Args:
        members: class (`_target_`) and arguments of each network.
        size: side of the faces in pixels.
        mirrored: every network judges the mirror image of the face as well.
        num_classes, in_channels: see `fer.models`; of every member.
    """

    def __init__(
        self, members: Members, size: Side, mirrored: bool = False, num_classes: Count = 7, in_channels: Count = 1
    ) -> None:
        super().__init__()
        if any(str(member.get("_target_", "")).endswith(".Ensemble") for member in members):
            raise ValueError("an ensemble cannot be a member of another one")
        shared = {"num_classes": num_classes, "in_channels": in_channels}
        blank = torch.zeros(1, in_channels, size, size)
        device = str(blank.device)  # the one that this ensemble is built on, perhaps that of shapes alone
        self.members = nn.ModuleList(build_network({**member, **shared}, device).eval() for member in members)
        self.mirrored = mirrored
        self.head = MeanProbability()
        with torch.no_grad():
            #: Channels, height and width of the members' last maps.
            self.shapes = [tuple(member.forward_features(blank).shape[1:]) for member in self.members]  # type: ignore[operator]

    def forward_features(self, x: Tensor) -> Tensor:
        """Normalised faces, float (N, in_channels, size, size), to the members' maps, (N, sum of C, h, w).

        They follow each other, smaller ones enlarged to the largest. Those of mirrored faces follow, turned back.
        """
        height, width = (max(shape[side] for shape in self.shapes) for side in (1, 2))
        maps = []
        for faces in (x, x.flip(-1)) if self.mirrored else (x,):
            for member in self.members:
                features = F.interpolate(member.forward_features(faces), (height, width))  # type: ignore[operator]
                maps.append(features if faces is x else features.flip(-1))
        return torch.cat(maps, dim=1)

    def forward_head(self, maps: Tensor) -> Tensor:
        """What `forward_features` returns, to logits (N, num_classes): logarithms of the mean probabilities."""
        logits = []
        for place, view in enumerate(maps.chunk(2, dim=1) if self.mirrored else [maps]):
            parts = torch.split(view, [channels for channels, _, _ in self.shapes], dim=1)
            for member, part, (_, height, width) in zip(self.members, parts, self.shapes, strict=True):
                features = F.adaptive_avg_pool2d(part.flip(-1) if place else part, (height, width))
                logits.append(member.forward_head(features))  # type: ignore[operator]
        mean: Tensor = self.head(torch.stack(logits, dim=1))
        return mean

    def forward(self, x: Tensor) -> Tensor:
        """Faces as for `forward_features`, to logits as of `forward_head`."""
        return self.forward_head(self.forward_features(x))
