"""What training minimises: `loss(logits, labels, images)`, a file in `configs/loss/` for each."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from cascade.checked import check_values
from cascade.ranges import NotNegative, Positive, Share

Loss = Callable[..., Tensor]
"""From a batch to a scalar: of its logits, float (N, C); its labels, which are classes, int64 (N,), or distributions
over them, float (N, C); and what the network was given, float (N, 1, H, W), for losses that ask another network too.
With `data.teacher` a batch also has the logarithms of the teacher's probabilities, float (N, C).
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


class Distillation(CrossEntropy):
    """Learn what a teacher says of the same view, and the label beside it (Hinton et al., arXiv 1503.02531).

    Args:
        share: of 0 to 1, of the teacher in the loss; cross-entropy with the labels is the rest.
        temperature: divides the logits of both networks where they are compared; above 1 the classes that the
            teacher finds improbable count more.
        label_smoothing: of the labels alone.
    """

    def __init__(self, share: Share = 0.8, temperature: Positive = 1.0, label_smoothing: Share = 0.0) -> None:
        super().__init__(label_smoothing)
        check_values(Distillation, locals(), "loss.")
        self.share, self.temperature = share, temperature

    def __call__(self, logits: Tensor, labels: Tensor, images: Tensor, teacher: Tensor | None = None) -> Tensor:
        """See `Loss`; `teacher` is the logarithms of its probabilities, float (N, C), which every batch must have."""
        if teacher is None:
            raise ValueError("loss=distillation wants a teacher's answers in every batch: data.teacher")
        ours, theirs = ((x / self.temperature).log_softmax(dim=1) for x in (logits.float(), teacher))
        apart = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
        # the gradients of softened logits are smaller by the square of the temperature
        taught = self.share * self.temperature**2 * apart
        return taught + (1 - self.share) * super().__call__(logits, labels, images)
