import math

import pytest
import torch

from fer.data.faces import Faces
from fer.training.details import Comparison, Copies, Details, Named, Tempered, originals_of

NONE = torch.zeros(4, dtype=torch.bool)


def _logits(*probabilities):
    return torch.tensor(probabilities).log()


def test_two_passes_are_averaged_as_probabilities():
    labels = torch.tensor([0, 1])
    plain, mirrored = _logits([0.6, 0.4], [0.6, 0.4]), _logits([0.9, 0.1], [0.1, 0.9])
    details = Details.of(plain, mirrored, labels, (NONE[:2], NONE[:2]))
    assert details.nll == pytest.approx(-(math.log(0.6) + math.log(0.4)) / 2, abs=1e-5)
    assert details.mirrored.accuracy == 1
    assert details.mirrored.nll == pytest.approx(-(math.log(0.75) + math.log(0.65)) / 2, abs=1e-5)


def test_a_model_that_is_too_sure_is_tempered_to_its_accuracy():
    logits = _logits(*[[0.99, 0.01]] * 10)
    labels = torch.tensor([0] * 8 + [1] * 2)
    found = Tempered.of(logits, labels)
    assert (logits / found.temperature).softmax(dim=1)[0, 0] == pytest.approx(0.8, abs=0.01)
    assert found.ece < 0.01
    given = Tempered.of(logits, labels, 1.0)
    assert given.ece == pytest.approx(0.19, abs=1e-4)
    assert given.nll > found.nll


def test_copies_and_the_others_are_scored_apart():
    logits = _logits([0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.9, 0.1])
    labels = torch.tensor([0, 1, 1, 1])
    copy, same = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, True])
    copies = Details.of(logits, logits, labels, (copy, same)).copies
    assert (copies.count, copies.agreement) == (2, 0.5)
    assert copies.named == Named(0.5, pytest.approx(-(math.log(0.9) + math.log(0.1)) / 2, abs=1e-5))
    assert copies.others.accuracy == 0.5
    assert Details.of(logits, logits, labels, (NONE, same)).copies == Copies(
        0, None, 0.0, Named(0.5, pytest.approx(-(math.log(0.9) + math.log(0.8) + 2 * math.log(0.1)) / 4, abs=1e-5))
    )
    assert Details.of(logits, logits, labels, (~NONE, same)).copies.others is None


def test_copies_are_looked_for_in_the_training_faces():
    random = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, (5, 1, 48, 48), dtype=torch.uint8, generator=random)
    fresh = torch.randint(0, 256, (1, 1, 48, 48), dtype=torch.uint8, generator=random)
    faces = Faces(torch.cat([train[[3]], fresh, train[[1]]]), torch.tensor([3, 0, 4]))
    copy, same = originals_of(faces, Faces(train, torch.arange(5)))
    assert copy.tolist() == [True, False, True]
    assert same[copy].tolist() == [True, False]


def test_a_comparison_counts_the_faces_that_one_alone_names_right():
    ours = torch.tensor([1] * 9 + [0] * 1 + [1] * 5 + [0] * 5, dtype=torch.bool)
    theirs = torch.tensor([0] * 9 + [1] * 1 + [1] * 5 + [0] * 5, dtype=torch.bool)
    found = Comparison.of(ours, theirs)
    assert (found.won, found.lost, found.accuracy) == (9, 1, 0.3)
    assert found.difference == pytest.approx(0.4)
    assert found.error == pytest.approx(math.sqrt((0.5 - 0.16) / 20))
    assert found.p == pytest.approx(2 * 11 / 1024)  # one or none of ten tosses, on either side
    assert "9 faces won, 1 lost against 30.00%: +40.00" in str(found)


def test_equal_models_do_not_differ():
    same = torch.tensor([True, False])
    assert Comparison.of(same, same).p == 1
    assert Comparison.of(same, ~same).p == 1
