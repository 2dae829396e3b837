import numpy as np
import onnxruntime
import pytest

from fer.crop import FER2013_CROP, Crop, crop_faces
from fer.crop_graph import crop_graph
from fer.preprocessing import Preprocessing


def session(crop: Crop, preprocessing: Preprocessing, threads: int = 1) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, threads
    graph = crop_graph(crop, preprocessing).SerializeToString()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def assert_same(made: np.ndarray, wanted: np.ndarray) -> None:
    """One byte in two thousand may be rounded otherwise."""
    assert made.dtype == np.uint8 and made.shape == (len(wanted), 1, *wanted.shape[1:])
    apart = np.abs(made[:, 0].astype(int) - wanted)
    assert apart.max(initial=0) <= 1 and apart.sum() <= wanted.size // 2000


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "preprocessing", [Preprocessing(), Preprocessing(64, 48), Preprocessing(64, None), Preprocessing(32, 64)], ids=str
)
def test_faces_of_all_sizes_inside_across_and_outside_a_picture(preprocessing: Preprocessing, threads: int):
    picture, run = noise(300, 400), session(FER2013_CROP, preprocessing, threads).run
    sides = np.array([0.3, 1, 2, 4, 9, 17, 24, 32, 42, 43, 48, 56.6, 57, 64, 85, 100, 113, 170, 255, 400])
    corners = np.random.default_rng(1).uniform(-100, 400, (20, 2))
    boxes = np.column_stack([corners, sides, sides * np.linspace(0.8, 1.2, 20)]).astype(np.float32)
    away = np.float32([[-900, 40, 60, 60], [40, 900, 60, 60], [5000, -5000, 100, 100], [-20, -20, 20, 20]])
    boxes = np.concatenate([boxes, away])
    (made,) = run(None, {"picture": picture, "boxes": boxes})
    assert_same(made, crop_faces(picture, boxes, FER2013_CROP, preprocessing))


@pytest.mark.parametrize("crop", [Crop(), Crop(0.7, 0.3, -1e-5), Crop(2.5, -0.008, 1.25)], ids=str)
def test_squares_are_those_of_the_crop(crop: Crop):
    # whole and half sizes: where rounding decides
    boxes = np.random.default_rng(2).integers(-20, 160, (40, 4)).astype(np.float32) / 2 + np.float32([0, 0, 11, 11])
    picture = noise(70, 90)
    (made,) = session(crop, Preprocessing()).run(None, {"picture": picture, "boxes": boxes})
    assert_same(made, crop_faces(picture, boxes, crop, Preprocessing()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (500, 2), (3000, 4000)])
def test_pictures_of_all_sizes(shape: tuple[int, int]):
    boxes = np.float32([[0, 0, 4, 4], [-5, -5, 9, 9], [3000, 2100, 999, 999], [100, 50, 2000, 2000], [0, 0, 90, 60]])
    picture = noise(*shape)
    (made,) = session(FER2013_CROP, Preprocessing()).run(None, {"picture": picture, "boxes": boxes})
    assert_same(made, crop_faces(picture, boxes, FER2013_CROP, Preprocessing()))


def test_no_boxes_give_no_faces():
    none = np.zeros((0, 4), np.float32)
    (made,) = session(Crop(), Preprocessing()).run(None, {"picture": noise(9, 9), "boxes": none})
    assert made.shape == (0, 1, 48, 48) and made.dtype == np.uint8
