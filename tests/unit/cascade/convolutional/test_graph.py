"""The detector's graph: what is exported answers as the torch module does, for any picture."""

import json

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cascade.boxes import iou
from cascade.convolutional import graph
from cascade.convolutional.export import to_onnx
from cascade.convolutional.graph import CascadeGraph, WindowStage
from cascade.convolutional.networks import ScanNetwork, WindowNetwork
from cascade.detectors.convolutional import METADATA_KEY

DEFAULTS = {"min_size": 20.0, "threshold": 0.3, "max_windows": 60}


def decided(network, generator):
    """Its answers made to differ, as trained ones do: equal scores would be ordered by chance."""
    last = network.head if isinstance(network.head, torch.nn.Conv2d) else network.head[-1]
    with torch.no_grad():
        last.weight.normal_(0, 0.4, generator=generator)
        last.weight[1:] *= 0.1
        last.bias.zero_()
        for value in network.parameters():  # as the file keeps them
            value.copy_(value.half().float())
    return network.eval()


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    scan = decided(ScanNetwork((8, 8, 16), (16,)), generator)
    looks = [
        WindowStage(decided(WindowNetwork((17, 15), (8, 16), 16), generator), (17, 15), 1.2, -1.0),
        WindowStage(decided(WindowNetwork((26, 22), (8, 16), 16), generator), (26, 22), 1.4, -1.0, passes=2),
    ]
    return CascadeGraph(scan, looks, 20, 7 / 8, 0.0, calibration=(0.9, -0.1)).eval()


@pytest.fixture(scope="module")
def written(detector):
    return to_onnx(detector, DEFAULTS, {"format": 1})


def session(model, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


SIZES = [(1, 1), (1, 40), (37, 1), (7, 3), (20, 20), (480, 640), (481, 639), (16, 900), (900, 16)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("smallest", [11.0, 20.0, 57.0, 400.0])
def test_the_file_answers_as_the_module(detector, written, size, smallest):
    image = picture(*size)
    given = {"min_size": smallest, "threshold": 0.1, "max_windows": 50}
    with torch.no_grad():
        boxes, scores = detector(torch.from_numpy(image), *(torch.tensor(value) for value in given.values()))
    kinds = {"min_size": np.float32, "threshold": np.float32, "max_windows": np.int64}
    told = {name: np.array(value, kinds[name]) for name, value in given.items()}
    own_boxes, own_scores = session(written).run(None, {"picture": image, **told})
    assert own_scores.shape == scores.shape and own_boxes.shape == boxes.shape
    assert np.allclose(own_scores, scores.numpy(), atol=2e-3)
    apart = np.abs(own_boxes[:, None] - boxes.numpy()[None]).max(2)  # equal scores come in any order
    assert (apart.min(0, initial=np.inf) < 0.05 + 2e-3 * np.abs(boxes.numpy()).max(1, initial=0)).all()
    assert (np.diff(own_scores) <= 0).all() and ((own_scores >= 0) & (own_scores <= 1)).all()


def test_a_large_picture(written):
    boxes, scores = session(written).run(None, {"picture": picture(3000, 4000), "min_size": np.array(150, np.float32)})
    assert len(boxes) == len(scores) <= 60 and np.isfinite(boxes).all()


def test_a_flat_picture_has_no_say(detector, written):
    """Nothing passes a scan whose threshold nothing reaches: every later step is of no windows at all."""
    strict = CascadeGraph(detector.scan, detector.stages, 20, 7 / 8, 1e4, calibration=detector.calibration)
    boxes, scores = session(to_onnx(strict, DEFAULTS, {})).run(None, {"picture": picture(300, 200)})
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_threads_agree(written):
    image = picture(480, 640)
    one, two = (session(written, threads).run(None, {"picture": image}) for threads in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_settings_have_defaults_and_are_heeded(written):
    run, image = session(written), picture(480, 640)
    boxes, scores = run.run(None, {"picture": image})
    given = {
        name: np.array(value, np.int64 if name == "max_windows" else np.float32) for name, value in DEFAULTS.items()
    }
    assert np.array_equal(run.run(None, {"picture": image, **given})[0], boxes)
    assert (scores >= 0.3).all() and len(boxes) > 3
    few = run.run(None, {"picture": image, "max_windows": np.array(3)})[0]
    assert 0 < len(few) <= 3
    large = run.run(None, {"picture": image, "min_size": np.array(100, np.float32)})[0]
    assert np.median(large[:, 2]) > 2 * np.median(boxes[:, 2])


def test_the_file_says_what_it_is_and_holds_standard_operators(written):
    model = onnx.load_from_string(written)
    about = json.loads({entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY])
    assert about == {"format": 1, **DEFAULTS}
    assert {node.domain for node in model.graph.node} == {one.domain for one in model.opset_import} == {""}
    assert not any(node.doc_string for node in model.graph.node)


def test_in_8_bits_it_takes_the_same_and_finds_about_the_same(detector, written):
    blurred = [cv2.GaussianBlur(picture(200, 260, seed), (0, 0), 3) for seed in range(6)]
    contrasted = [cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX) for image in blurred]
    small = to_onnx(detector, DEFAULTS, {"format": 1}, contrasted[:4])
    model = onnx.load_from_string(small)
    assert {node.domain for node in model.graph.node} == {one.domain for one in model.opset_import} == {""}
    weights = [one for one in model.graph.initializer if len(one.dims) == 4]
    assert {one.data_type for one in weights} == {onnx.TensorProto.INT8}
    whole, rounded = session(written), session(small)
    for told in ("get_inputs", "get_overridable_initializers", "get_outputs"):
        assert [(one.name, one.type) for one in getattr(whole, told)()] == [
            (one.name, one.type) for one in getattr(rounded, told)()
        ]
    for image in contrasted[4:]:
        given = {"picture": image, "threshold": np.array(0.0, np.float32)}
        (boxes, scores), (others, marks) = whole.run(None, given), rounded.run(None, given)
        near = iou(boxes, others)
        again = near.max(axis=1) > 0.6
        assert again.mean() > 0.6  # of what is decided by chance; trained networks agree more often
        assert np.median(np.abs(scores[again] - marks[near.argmax(axis=1)[again]])) < 0.1
    for size in SIZES:
        boxes, _ = rounded.run(None, {"picture": picture(*size)})
        assert np.isfinite(boxes).all()


def test_a_box_within_a_better_one_is_none():
    """Of 60 by 60 pixels, one that lies within it, one that shares half of itself, one around it, another place."""
    boxes = torch.tensor([[100, 100, 60, 60], [110, 110, 30, 30], [145, 100, 30, 60], [90, 90, 90, 90], [300, 0, 9, 9]])
    assert graph._nested(boxes.float(), 0.6).tolist() == [False, True, False, True, False]
    assert graph._nested(torch.zeros(0, 4), 0.6).tolist() == []
