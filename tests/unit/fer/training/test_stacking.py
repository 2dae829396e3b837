import torch

from fer.training.stacking import stacked


def _faces(count=1200, classes=4):
    """Labels, and what two poor judges say of them: each confuses other classes."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (count,), generator=random)
    answers = torch.full((count, classes), 0.04)
    votes = torch.zeros(count, 5)
    for face, label in enumerate(labels.tolist()):
        alike = label // 2 * 2  # networks cannot tell 0 from 1, nor 2 from 3
        answers[face, alike : alike + 2] = 0.46
        noisy = torch.randint(0, 5, (3,), generator=random).tolist()
        for vote in (*noisy, *[label % 2] * 3):  # people cannot tell 0 from 2, nor 1 from 3
            votes[face, vote] += 1
    return answers.log(), votes, labels, torch.arange(count) % 3


def test_networks_and_people_know_more_together():
    answers, votes, labels, folds = _faces()
    found = stacked(answers, votes, labels, folds)
    torch.testing.assert_close(found.exp().sum(dim=1), torch.ones(len(labels)))
    alone = (answers.argmax(dim=1) == labels).float().mean()
    right = (found.argmax(dim=1) == labels).float().mean()
    assert alone < 0.6 and right > 0.8


def test_a_label_says_nothing_about_its_own_face():
    answers, votes, labels, folds = _faces(300)
    found = stacked(answers, votes, labels, folds)
    changed = torch.where(folds == 1, 3 - labels, labels)
    again = stacked(answers, votes, changed, folds)
    assert torch.equal(found[folds == 1], again[folds == 1])
    assert not torch.equal(found[folds == 2], again[folds == 2])


def test_faces_that_nobody_was_asked_about_are_judged_by_the_networks():
    answers, votes, labels, folds = _faces(300)
    votes[:50] = 0
    assert stacked(answers, votes, labels, folds).isfinite().all()
