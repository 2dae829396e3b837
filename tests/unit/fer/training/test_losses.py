import pytest
import torch
import torch.nn.functional as F

from fer.training.losses import CrossEntropy, Focal

IMAGES = torch.zeros(6, 1, 48, 48)
LOGITS = torch.randn(6, 7, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 6, 6])


@pytest.mark.parametrize("loss", [CrossEntropy(0.1), Focal(gamma=0.0, label_smoothing=0.1)])
@pytest.mark.parametrize("labels", [LABELS, F.one_hot(LABELS, 7).float()], ids=["hard", "soft"])
def test_labels_may_be_hard_or_soft_and_smoothed(loss, labels):
    expected = F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    torch.testing.assert_close(loss(LOGITS, labels, IMAGES), expected)


def test_focal_loss_counts_what_is_known_already_less():
    sure = 5.0 * F.one_hot(LABELS, 7).float()
    probability = sure.softmax(dim=1)[0, 0]
    expected = -((1 - probability) ** 2) * probability.log()
    torch.testing.assert_close(Focal(gamma=2.0)(sure, LABELS, IMAGES), expected)


@pytest.mark.parametrize(
    ("make", "name"), [(lambda: CrossEntropy(1.5), "label_smoothing"), (lambda: Focal(-1.0), "gamma")]
)
def test_impossible_values_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=rf"loss\.{name}"):
        make()
