"""Cutting windows: training, torch and the exported graph must see the same pixels."""

import numpy as np
import pytest
import torch

from cascade.convolutional import graph
from cascade.convolutional.scenes import MIDDLE, Memory, Scene, cut, halved, into_patch, overlaps, to_boxes, to_windows


@pytest.fixture
def picture():
    """Smooth random grays, so that a shift of a fraction of a pixel shows, and rounding does not."""
    import cv2

    coarse = np.random.default_rng(0).integers(0, 256, (24, 31), np.uint8)
    return cv2.resize(coarse, (301, 233), interpolation=cv2.INTER_CUBIC)


def levels_of(picture):
    pixels = [(torch.from_numpy(picture).float()[None, None] - MIDDLE) / MIDDLE]
    for _ in range(graph.LEVELS - 1):
        pixels.append(graph.halved(pixels[-1]))
    return pixels


@pytest.mark.parametrize("window", [(150, 100, 30), (150.3, 99.7, 47), (60, 200, 90), (120, 110, 210), (5, 5, 60)])
@pytest.mark.parametrize("patch", [(34, 30), (32, 32), (20, 50)])
def test_training_cuts_what_the_graph_cuts(picture, window, patch):
    trained = cut(Scene(picture), np.array(window, float), patch)
    ((_, graphs),) = [pair for pair in graph.cut(levels_of(picture), torch.tensor([window]), patch) if len(pair[0])]
    seen = graphs[0, 0].numpy() * MIDDLE + MIDDLE
    x, y, size = window
    step = size / np.sqrt(patch[0] * patch[1])
    columns, rows = (
        x + step * (np.arange(patch[1]) + 0.5 - patch[1] / 2),
        y + step * (np.arange(patch[0]) + 0.5 - patch[0] / 2),
    )
    near = [np.minimum(abs(at), abs(at - side)) < 3 * step for at, side in ((rows, 233), (columns, 301))]
    at_border = near[0][:, None] | near[1][None]  # RoiAlign holds the border's pixels half a pixel longer
    difference = np.abs(trained.astype(float) - seen)
    assert difference[~at_border].max() < 5 and at_border.mean() < 0.4


def test_halving_is_the_graphs(picture):
    for size in ((233, 301), (1, 7), (2, 1)):
        part = picture[: size[0], : size[1]]
        expected = graph.halved(torch.from_numpy(part).float()[None, None])[0, 0].numpy()
        assert halved(part).shape == expected.shape
        assert np.abs(halved(part) - expected).max() <= 0.5


def test_beyond_the_border_is_the_middle_gray_or_what_is_given(picture):
    far = np.array([-200.0, -200.0, 50.0])
    assert (cut(Scene(picture), far, (16, 16)) == MIDDLE).all()
    ground = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (cut(Scene(picture), far, (16, 16), onto=ground.copy()) == ground).all()


@pytest.mark.parametrize(("angle", "mirrored"), [(0.0, False), (0.5, False), (0.0, True), (-0.7, True)])
def test_points_go_where_the_pixels_go(angle, mirrored):
    image = np.zeros((200, 200), np.uint8)
    image[120:124, 140:144] = 255  # its middle is at (142, 122)
    window = np.array([110.0, 100.0, 120.0])
    patch = cut(Scene(image), window, (120, 120), angle, mirrored)
    y, x = (axis.mean() + 0.5 for axis in np.nonzero(patch > 128))
    told = into_patch(np.array([[142.0, 122.0]]), window, angle, mirrored)[0] * 120 + 60
    assert np.abs(told - (x, y)).max() < 1


def test_windows_and_boxes_are_the_same_thing_twice():
    boxes = np.array([[10, 20, 21, 24], [-5, 3, 210, 240]])
    assert np.allclose(to_boxes(to_windows(boxes), 21 / 24), boxes)


def test_overlap_is_that_of_the_boxes():
    from cascade.boxes import iou

    random = np.random.default_rng(0)
    first, second = (random.uniform(20, 60, (6, 3)) for _ in range(2))
    for aspect in (0.5, 7 / 8, 2.0):
        expected = iou(to_boxes(first, aspect), to_boxes(second, aspect))
        assert np.allclose(overlaps(first, second, aspect), expected)


def test_memory_keeps_what_fits(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.full((30, 30), 7, np.uint8))
    for gigabytes, kept in ((1e-3, 1), (1e-7, 0)):
        scene = Scene(tmp_path / "a.png", memory=Memory(gigabytes * 1e9))
        assert scene.level(0)[0][0, 0] == 7 and bool(scene._levels) == kept
        assert scene.level(2)[0].shape == (8, 8)
