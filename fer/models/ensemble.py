"""Several networks as one: the mean of their probabilities."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from msgspec import Meta
from torch import Tensor, nn

from cascade.ranges import Count
from fer.checkpoint import build_network

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
        members: class (`_target_`) and arguments of each network; their last maps must be of one size.
        mirrored: every network judges the mirror image of the face as well.
        num_classes, in_channels: see `fer.models`; of every member.
    """

    def __init__(
        self, members: Members, mirrored: bool = False, num_classes: Count = 7, in_channels: Count = 1
    ) -> None:
        super().__init__()
        if any(str(member.get("_target_", "")).endswith(".Ensemble") for member in members):
            raise ValueError("an ensemble cannot be a member of another one")
        shared = {"num_classes": num_classes, "in_channels": in_channels}
        self.members = nn.ModuleList(build_network({**member, **shared}) for member in members)
        self.mirrored = mirrored
        self.head = MeanProbability()

    def forward_features(self, x: Tensor) -> Tensor:
        """Normalised faces, float (N, in_channels, H, W), to the members' maps one after another, (N, sum of C, h, w).

        Those of mirrored faces follow, turned back.

        Raises:
            ValueError: members' maps are of different sizes.
        """
        maps: list[Tensor] = [member.forward_features(x) for member in self.members]  # type: ignore[operator]
        if len(sizes := {one.shape[2:] for one in maps}) > 1:
            raise ValueError(f"the members' last maps are of different sizes: {', '.join(map(str, map(tuple, sizes)))}")
        if self.mirrored:
            maps += [member.forward_features(x.flip(-1)).flip(-1) for member in self.members]  # type: ignore[operator]
        return torch.cat(maps, dim=1)

    def forward_head(self, maps: Tensor) -> Tensor:
        """What `forward_features` returns, to logits (N, num_classes): logarithms of the mean probabilities."""
        views = maps.chunk(2, dim=1) if self.mirrored else [maps]
        members: Any = self.members
        channels = [next(member.head.parameters()).shape[1] for member in members]
        logits = []
        for view, turned in zip(views, (False, True), strict=False):
            parts = torch.split(view, channels, dim=1)
            for member, part in zip(members, parts, strict=True):
                logits.append(member.forward_head(part.flip(-1) if turned else part))
        mean: Tensor = self.head(torch.stack(logits, dim=1))
        return mean

    def forward(self, x: Tensor) -> Tensor:
        """Faces as for `forward_features`, to logits as of `forward_head`."""
        return self.forward_head(self.forward_features(x))
