import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fer.data.mixing import mixup


def _blended(alpha, labels, answers=()):
    """Faces of one gray level each, so that a blend tells its share."""
    images = torch.arange(64).float().view(64, 1, 1, 1).expand(64, 1, 4, 4)
    return mixup(images, labels, list(answers), 7, alpha, np.random.default_rng(0))


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_faces_labels_and_answers_are_blended_with_the_same_shares(alpha):
    levels = torch.arange(64)
    soft = torch.stack([levels / 63, *[1 / 6 - levels / 378] * 6], dim=1)  # as different as the gray levels are
    images, labels, (answers,) = _blended(alpha, soft, [soft.log()])
    assert torch.equal(images, images[:, :, :1, :1].expand_as(images))
    torch.testing.assert_close(labels[:, 0] * 63, images[:, 0, 0, 0])
    torch.testing.assert_close(answers.exp(), labels)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(64))
    shares = (images[:, 0, 0, 0] - levels).abs() > 0.5
    assert 0.2 < shares.float().mean() < 1  # a good part is blended


def test_classes_become_distributions():
    labels = torch.arange(64) % 7
    _, blended, _ = _blended(1.0, labels)
    assert blended.dtype == torch.float32
    assert ((blended > 0).sum(dim=1) <= 2).all()
    own = (blended * F.one_hot(labels, 7)).sum(dim=1)
    assert 0.4 < own.mean() < 0.75


def test_a_small_alpha_leaves_most_faces_nearly_alone():
    """Each as it is, or as another one is."""
    _, blended, _ = _blended(0.05, torch.arange(64) % 7)
    assert (blended.max(dim=1).values > 0.99).float().mean() > 0.7
