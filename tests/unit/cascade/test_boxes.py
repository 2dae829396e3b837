import numpy as np
import pytest

from cascade.boxes import Box, BoxAdjustment, face_box, iou


def test_a_face_is_framed_by_its_eyes_and_mouth():
    x, y, width, height = face_box([[40.0, 50.0], [80.0, 50.0]], [60.0, 90.0])
    assert (width, height) == pytest.approx((88, 88 * 8 / 7))
    assert (x, y + 0.36 * height) == pytest.approx((60 - 44, 50))


def test_a_long_face_counts_by_its_height():
    assert face_box([[50.0, 50.0], [70.0, 50.0]], [60.0, 94.0])[2] == pytest.approx(88)


def test_a_turned_face_keeps_its_size():
    angle = np.deg2rad(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes, mouth = np.array([[-20.0, 0.0], [20.0, 0.0]]), np.array([0.0, 30.0])
    upright, turned = face_box(eyes, mouth), face_box(eyes @ turn.T, mouth @ turn.T)
    np.testing.assert_allclose(turned, upright, atol=1e-9)


def test_an_adjustment_moves_and_stretches_about_the_centre():
    moved = BoxAdjustment(dx=0.1, dy=-0.5, width=2.0, height=0.5).apply(np.array([[10, 20, 30, 40]]))
    np.testing.assert_allclose(moved, [[10 + 15 + 3 - 30, 20 + 20 - 20 - 10, 60, 20]])
    assert BoxAdjustment().apply(np.zeros((0, 4))).shape == (0, 4)
    with pytest.raises(ValueError, match="factors above 0"):
        BoxAdjustment(width=0)


def test_overlap():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 0, 0]])
    np.testing.assert_allclose(iou(boxes, boxes)[0], [1, 1 / 3, 0])
    assert iou(boxes, np.zeros((0, 4))).shape == (3, 0)
    np.testing.assert_array_equal(iou(boxes[2:], boxes[2:]), [[0]])  # boxes without an area


def test_a_box_in_whole_pixels_covers_what_it_is_around():
    assert Box.around((-1.5, 2, 3, 4.25)) == (-2, 2, 4, 5)
    assert Box.around((1, 2, 3, 4)) == (1, 2, 3, 4)
    assert Box(1, 2, 3, 4).moved(5, -7) == (6, -5, 3, 4)
