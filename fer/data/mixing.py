"""Training faces blended in pairs, with their labels (mixup: Zhang et al., arXiv 1710.09412)."""

import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor


def mixup(
    images: Tensor, labels: Tensor, answers: list[Tensor], classes: int, alpha: float, dice: Generator
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Blend each face of a batch with another one of it.

    Args:
        images: float (N, C, H, W).
        labels: int64 (N,) or float (N, classes).
        answers: a teacher's, logarithms of probabilities, float (N, classes) each; often none.
        classes: how many there are.
        alpha: of the Beta distribution of shares, above 0: small ones leave most faces nearly as they are, at 1 all
            shares are equally frequent.
        dice: of shares and pairs.

    Returns:
        blended images, labels as distributions, float (N, classes), and answers, probabilities blended alike.
    """
    device, count = images.device, len(images)
    share = torch.from_numpy(dice.beta(alpha, alpha, count)).float().to(device)
    other = torch.from_numpy(dice.permutation(count)).to(device)

    def blend(values: Tensor) -> Tensor:
        return torch.lerp(values[other], values, share.view(-1, *[1] * (values.ndim - 1)))

    shares = F.one_hot(labels, classes) if labels.ndim == 1 else labels
    return blend(images), blend(shares.float()), [blend(one.exp()).log() for one in answers]
