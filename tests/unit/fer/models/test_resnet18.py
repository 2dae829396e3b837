import pytest
import torch

from fer.models.resnet18 import ResNet18


@pytest.mark.parametrize("size", [48, 64])
def test_gives_logits_and_keeps_the_resolution_before_the_blocks(size):
    network = ResNet18(dropout=0.5).eval()
    faces = torch.zeros(2, 1, size, size)
    assert network.stem(faces).shape == (2, 64, size, size)
    assert network(faces).shape == (2, 7)


def test_has_the_parameters_of_resnet18_without_the_stem_for_colour_photographs():
    # torchvision's, with a stem of 64·9 weights for 64·3·7·7 and a layer of 7 classes for 1000
    expected = 11_689_512 - 64 * 3 * 49 + 64 * 9 - (512 * 1000 + 1000) + (512 * 7 + 7)
    assert sum(p.numel() for p in ResNet18().parameters()) == expected
