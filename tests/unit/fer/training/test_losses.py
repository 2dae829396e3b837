import pytest
import torch
import torch.nn.functional as F

from fer.training.losses import CrossEntropy, Distillation, Focal

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
    ("make", "name"),
    [
        (lambda: CrossEntropy(1.5), "label_smoothing"),
        (lambda: Focal(-1.0), "gamma"),
        (lambda: Distillation(2.0), "share"),
    ],
)
def test_impossible_values_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=rf"loss\.{name}"):
        make()


def test_distillation_with_the_labels_alone_is_cross_entropy_and_with_the_teacher_alone_its_divergence():
    teacher = torch.randn(6, 7, generator=torch.Generator().manual_seed(1)).log_softmax(dim=1)
    labels = Distillation(share=0.0, label_smoothing=0.1)(LOGITS, LABELS, IMAGES, teacher)
    torch.testing.assert_close(labels, CrossEntropy(0.1)(LOGITS, LABELS, IMAGES))
    apart = (teacher.exp() * (teacher - LOGITS.log_softmax(dim=1))).sum(dim=1).mean()
    torch.testing.assert_close(Distillation(share=1.0)(LOGITS, LABELS, IMAGES, teacher), apart)
    assert Distillation(share=1.0, temperature=3.0)(teacher + 2, LABELS, IMAGES, teacher) == pytest.approx(0, abs=1e-5)


def test_a_higher_temperature_keeps_the_size_of_the_gradients():
    teacher = torch.randn(6, 7, generator=torch.Generator().manual_seed(1)).log_softmax(dim=1)
    sizes = []
    for temperature in (4.0, 8.0):
        logits = LOGITS.clone().requires_grad_()
        Distillation(1.0, temperature)(logits, LABELS, IMAGES, teacher).backward()
        sizes.append(logits.grad.norm())
    assert 0.8 < sizes[0] / sizes[1] < 1.25


def test_distillation_wants_a_teacher():
    with pytest.raises(ValueError, match=r"data\.teacher"):
        Distillation()(LOGITS, LABELS, IMAGES)
