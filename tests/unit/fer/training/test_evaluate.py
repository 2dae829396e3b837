import pytest
import torch
from torch import nn

from cascade.errors import ModelError
from fer.data.faces import Faces
from fer.data.loader import EpochBatches, FaceLoader
from fer.preprocessing import Preprocessing
from fer.training.evaluate import evaluate


def test_a_network_that_gives_no_numbers_has_no_scores():
    faces = Faces(torch.zeros(4, 1, 48, 48, dtype=torch.uint8), torch.arange(4))
    loader = FaceLoader(faces, EpochBatches(4, 2, shuffle=False))
    network = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 7))
    assert evaluate(network, loader, Preprocessing(size=48)).count == 4
    nn.init.constant_(network[1].weight, float("inf"))
    with pytest.raises(ModelError, match="no numbers"):
        evaluate(network, loader, Preprocessing(size=48))
