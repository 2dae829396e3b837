from collections import OrderedDict

import torch
from torch import nn

from fer.training.module import parameter_groups
from fer.training.muon import Muon, orthogonalise


def test_orthogonalise_brings_singular_values_near_one():
    for shape in [(16, 64), (64, 16), (32, 32)]:
        step = orthogonalise(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        values = torch.linalg.svdvals(step)
        assert step.shape == shape
        # The iteration is steep, not exact: a random square matrix has values too small to lift
        assert values.max() < 1.3
        assert values.median() > 0.6


def test_orthogonalise_keeps_the_singular_vectors():
    u, _, v = torch.linalg.svd(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)), full_matrices=False)
    step = orthogonalise(u @ torch.diag(torch.linspace(1, 2, 8)) @ v)
    inner = u.T @ step @ v.T
    assert (inner - torch.diag(inner.diag())).abs().max() < 1e-4


def _network():
    torch.manual_seed(0)
    layers = {
        "stem": nn.Conv2d(1, 4, 3),
        "norm": nn.BatchNorm2d(4),
        "depthwise": nn.Conv2d(4, 4, 3, groups=4),
        "mix": nn.Conv2d(4, 6, 1),
        "head": nn.Conv2d(6, 2, 1),
    }
    return nn.Sequential(OrderedDict(layers))


def test_only_weights_that_mix_channels_step_orthogonally():
    network = _network()
    optimizer = Muon(parameter_groups(network))
    matrices = [p for group in optimizer.param_groups if group["matrices"] for p in group["params"]]
    assert [p.shape for p in matrices] == [
        (6, 4, 1, 1)
    ]  # neither depthwise kernels, nor those of one channel, nor the head
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(network.parameters()))


def test_adamw_part_is_torchs_adamw():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(1, 5), nn.Linear(1, 5)
    theirs.load_state_dict(ours.state_dict())
    mine = Muon([{"params": list(ours.parameters())}], adam_lr=0.01, weight_decay=0.1)
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for step in range(5):
        x = torch.linspace(-1, 1, 8).view(-1, 1) + step
        for network, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            network(x).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()))


def test_state_survives_saving_exactly():
    def train(network, optimizer, steps):
        for step in steps:
            optimizer.zero_grad()
            x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(step))
            network(x).square().mean().backward()
            optimizer.step()

    whole, halves = _network(), _network()
    optimizer = Muon(parameter_groups(whole), weight_decay=0.01)
    train(whole, optimizer, range(6))
    first = Muon(parameter_groups(halves), weight_decay=0.01)
    train(halves, first, range(3))
    second = Muon(parameter_groups(halves), weight_decay=0.01)
    second.load_state_dict(first.state_dict())
    train(halves, second, range(3, 6))
    for a, b in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(a, b)
