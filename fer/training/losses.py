"""What training minimises: `loss(logits, labels, images)`, a file in `configs/loss/` for each."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from cascade.checked import check_values
from cascade.ranges import NotNegative, Share

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From a batch to a scalar: of its logits, float (N, C); its labels, which are classes, int64 (N,), or distributions
over them, float (N, C); and what the network was given, float (N, 1, H, W), for losses that ask another network too.
"""


class CrossEntropy:
    """Cross-entropy; a share of 0 to 1 of each label is spread over all classes (Szegedy et al., arXiv 1512.00567)."""

    def __init__(self, label_smoothing: Share = 0.0) -> None:
        check_values(CrossEntropy, locals(), "loss.")
        self.label_smoothing = label_smoothing

    def __call__(self, logits: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        """See `Loss`."""
        return F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)


class Focal(CrossEntropy):
    """Cross-entropy that weighs each class by (1 - its probability) ** gamma (Lin et al., arXiv 1708.02002)."""

    def __init__(self, gamma: NotNegative = 2.0, label_smoothing: Share = 0.0) -> None:
        super().__init__(label_smoothing)
        check_values(Focal, locals(), "loss.")
        self.gamma = gamma

    def __call__(self, logits: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        """See `Loss`."""
        classes = logits.shape[1]
        shares = labels if labels.ndim == 2 else F.one_hot(labels, classes)
        shares = (1 - self.label_smoothing) * shares + self.label_smoothing / classes
        log_p = logits.log_softmax(dim=1)
        return -(shares * (1 - log_p.exp()) ** self.gamma * log_p).sum(dim=1).mean()
