import pytest
import torch
from torch import nn

from cascade.errors import ModelError
from fer.data.faces import Faces
from fer.data.loader import EpochBatches, FaceLoader
from fer.preprocessing import Preprocessing
from fer.training.details import originals_of
from fer.training.evaluate import evaluate, predict_logits


def test_a_network_that_gives_no_numbers_has_no_scores():
    faces = Faces(torch.zeros(4, 1, 48, 48, dtype=torch.uint8), torch.arange(4))
    loader = FaceLoader(faces, EpochBatches(4, 2, shuffle=False))
    network = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7))
    originals = originals_of(faces, faces)
    scores, hits = evaluate(network, loader, Preprocessing(size=48), originals)
    assert scores.count == len(hits) == 4
    assert scores.details.copies.count == 0  # blank faces are copies of nothing
    assert scores.accuracy == hits.double().mean()
    nn.init.constant_(network[1].weight, float("inf"))
    with pytest.raises(ModelError, match="no numbers"):
        evaluate(network, loader, Preprocessing(size=48), originals)


class _Bright(nn.Module):
    """Tells faces whose left half is the brighter one from the others."""

    def forward(self, x):
        left, right = x[..., :24].mean(dim=(1, 2, 3)), x[..., 24:].mean(dim=(1, 2, 3))
        return torch.stack([left, right + 0.1], dim=1)


def test_mirrored_passes_see_mirrored_faces():
    faces = torch.zeros(2, 1, 48, 48, dtype=torch.uint8)
    faces[0, ..., :24] = 250
    loader = FaceLoader(Faces(faces, torch.tensor([0, 1])), EpochBatches(2, 2, shuffle=False))
    plain, mirrored = (predict_logits(_Bright(), loader, Preprocessing(size=48), mirrored=one)[0] for one in (0, 1))
    assert plain.argmax(dim=1).tolist() == [0, 1]
    assert mirrored.argmax(dim=1).tolist() == [1, 1]
