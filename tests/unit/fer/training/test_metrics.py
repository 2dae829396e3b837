import pytest
import torch

from fer.training.metrics import ScoreMetrics


def test_scores_of_a_matrix_worked_out_by_hand():
    #           predicted: a  b  c
    confusion = torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    pairs = torch.tensor([(t, p) for t in range(3) for p in range(3) for _ in range(confusion[t, p])])
    metrics = ScoreMetrics(("a", "b", "c"))
    metrics.update(10.0 * torch.nn.functional.one_hot(pairs[:, 1], 3), pairs[:, 0])
    scores = metrics.scores()
    assert scores.confusion == confusion.tolist()
    assert scores.accuracy == pytest.approx(0.7)
    assert scores.count == 10
    assert scores.classes["a"].precision == pytest.approx(3 / 5)
    assert scores.classes["a"].recall == pytest.approx(3 / 4)
    assert scores.classes["a"].f1 == pytest.approx(2 / 3)
    assert scores.classes["b"].count == 6
    assert scores.classes["c"].f1 == 0.0
    assert scores.macro_f1 == pytest.approx((2 / 3 + 8 / 11 + 0) / 3)


def test_calibration_error_of_a_classifier_that_is_too_sure():
    metrics = ScoreMetrics(("a", "b"))
    # 80% sure every time, right in half of the cases: 30 points too sure
    logits = torch.log(torch.tensor([[0.8, 0.2]])).expand(10, 2)
    metrics.update(logits, torch.tensor([0, 1] * 5))
    scores = metrics.scores()
    assert scores.accuracy == pytest.approx(0.5)
    assert scores.ece == pytest.approx(0.3, abs=1e-5)


def test_batches_add_up():
    random = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(50, 7, generator=random), torch.randint(0, 7, (50,), generator=random)
    whole, parts = (ScoreMetrics(tuple("abcdefg")) for _ in range(2))
    whole.update(logits, labels)
    parts.update(logits[:20], labels[:20])
    parts.update(logits[20:], labels[20:])
    assert whole.scores() == parts.scores()


def test_labels_that_are_unsure_are_chosen_by_their_probabilities_or_given():
    metrics = ScoreMetrics(("a", "b"))
    sure = torch.tensor([0.9] * 100 + [0.6] * 100)
    labels = torch.tensor([0] * 90 + [1] * 10 + [0, 1, 1, 1] * 25)
    metrics.update(torch.log(torch.stack([sure, 1 - sure], dim=1)), labels)
    unsure = metrics.scores().unsure
    assert unsure.below == pytest.approx(0.9)
    assert (unsure.share, unsure.accuracy, unsure.others) == pytest.approx((0.5, 0.25, 0.9))
    given = metrics.scores(0.5).unsure
    assert (given.below, given.share, given.others) == pytest.approx((0.5, 0, 0.575))
