import math

import pytest
import torch
import torch.nn.functional as F

from fer.models.mini_xception import MiniXception, _max_pool_same


def test_has_exactly_the_parameters_of_the_released_network():
    network = MiniXception()
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    statistics = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    assert trainable == 56_951
    assert trainable + statistics == 58_423


@pytest.mark.parametrize("size", [48, 49, 63, 64, 65, 96])
def test_any_size_from_48_gives_logits(size):
    network = MiniXception().eval()
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 7)


def test_faces_need_not_be_square():
    assert MiniXception().eval()(torch.zeros(1, 1, 48, 80)).shape == (1, 7)


def test_smaller_faces_are_refused_with_the_size_that_is_needed():
    with pytest.raises(ValueError, match=r"48×48.*got 47×48.*data.image_size=48"):
        MiniXception()(torch.zeros(1, 1, 47, 48))


def test_stem_shrinks_by_four_and_every_module_halves():
    network = MiniXception().eval()
    x = network.stem(torch.zeros(1, 1, 64, 64))
    assert x.shape == (1, 8, 60, 60)
    sizes = []
    for block in network.blocks:
        x = block(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes == [(16, 30, 30), (32, 15, 15), (64, 8, 8), (128, 4, 4)]


def _tensorflow_same_max_pool(x):
    """TensorFlow's rule for SAME: pad (⌈n/s⌉ - 1)·s + k - n in all, the smaller half first."""
    pads = []
    for n in reversed(x.shape[-2:]):
        total = max((math.ceil(n / 2) - 1) * 2 + 3 - n, 0)
        pads += [total // 2, total - total // 2]
    return F.max_pool2d(F.pad(x, pads, value=-math.inf), 3, 2)


@pytest.mark.parametrize("shape", [(44, 44), (11, 11), (6, 6), (11, 22), (22, 11)])
def test_max_pooling_is_padded_as_tensorflow_does(shape):
    x = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(_max_pool_same(x), _tensorflow_same_max_pool(x))


def test_batch_norm_uses_the_constants_of_keras():
    norms = [m for m in MiniXception().modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 14
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_only_the_last_convolution_has_a_bias():
    biased = [n for n, m in MiniXception().named_modules() if isinstance(m, torch.nn.Conv2d) and m.bias is not None]
    assert biased == ["head"]


@pytest.mark.parametrize(("layer", "fans"), [(0, 8 * 9 + 9), (1, 8 + 16)])
def test_weights_start_within_glorots_bounds(layer, fans):
    torch.manual_seed(0)
    conv = MiniXception().blocks[0].body[0][layer]  # 3×3 for each of 8 channels; 1×1, 8 to 16 channels
    bound = (6 / fans) ** 0.5
    assert bound * 0.8 < conv.weight.abs().max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("size", [48, 80])
def test_gradients_are_the_same_in_both_memory_layouts(size):
    """With a strided convolution for the shortcut, oneDNN's backward pass crashed at 80 pixels in channels_last."""
    network = MiniXception().eval()
    faces = torch.rand(32, 1, size, size, generator=torch.Generator().manual_seed(0))
    gradients = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network.to(memory_format=layout).zero_grad()
        network(faces.to(memory_format=layout)).square().sum().backward()
        gradients.append(network.blocks[0].shortcut[0].weight.grad.clone())
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4 * float(gradients[0].abs().max()))


def _with_depthwise_norms() -> MiniXception:
    """One whose norms do something, each something else."""
    torch.manual_seed(0)
    network = MiniXception(depthwise_norm=True)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            for values in (module.bias, module.running_mean):
                torch.nn.init.normal_(values)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize("size", [48, 65])
@torch.no_grad()
def test_norms_of_depthwise_convolutions_fold_into_the_network_without(size):
    network = _with_depthwise_norms()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    faces = 5 * torch.randn(4, 1, size, size)
    folded, other = network.folded()
    plain = MiniXception(**other).eval()
    plain.load_state_dict(folded.state_dict())
    wanted = network(faces)
    assert wanted.std(dim=0).min() > 0.01
    for given in (folded, plain):
        torch.testing.assert_close(given(faces), wanted, rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in network.parameters()) == 57_671
    assert sum(p.numel() for p in folded.parameters()) == 56_951
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_without_norms_of_depthwise_convolutions_nothing_is_folded():
    network = MiniXception()
    assert network.folded() == (network, {})
