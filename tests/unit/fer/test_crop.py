import cv2
import numpy as np
import pytest

from cascade.errors import ConfigError
from fer.crop import Crop, crop_faces, crop_square
from fer.preprocessing import Preprocessing, resize_face


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def test_a_box_is_cut_and_resized_as_the_data_is():
    image = noise(200, 300)
    (face,) = crop_faces(image, np.array([[40, 30, 96, 96]], np.float32), Crop(), Preprocessing())
    np.testing.assert_array_equal(face, resize_face(image[30:126, 40:136], 48))


@pytest.mark.parametrize(
    ("crop", "square"),
    [
        (Crop(), (100, 80, 40)),
        (Crop(scale=1.5), (90, 70, 60)),
        (Crop(dx=0.25, dy=-0.5), (110, 60, 40)),
        (Crop(scale=0.5, dy=0.25), (110, 100, 20)),
    ],
)
def test_margin_and_offset_are_in_units_of_the_box(crop: Crop, square: tuple[int, int, int]):
    assert crop.squares(np.array([[100, 80, 40, 40]], np.float32)).tolist() == [list(square)]


def test_a_box_that_is_no_square_gives_a_square_about_its_centre():
    assert Crop().squares(np.array([[10, 10, 28, 32]], np.float32)).tolist() == [[9, 11, 30]]


@pytest.mark.parametrize(
    ("left", "top"), [(-10, -10), (90, 50), (-10, 50), (30, -15), (-60, -60), (150, 150), (-500, 20)]
)
def test_beyond_the_border_its_pixels_repeat(left: int, top: int):
    image = noise(60, 100)
    padded = np.pad(image, 600, mode="edge")
    found = crop_square(image, left, top, 30)
    np.testing.assert_array_equal(found, padded[top + 600 : top + 630, left + 600 : left + 630])


def test_a_picture_of_one_pixel_can_be_cropped():
    faces = crop_faces(
        np.full((1, 1), 7, np.uint8), np.array([[0, 0, 1, 1], [-5, -5, 9, 9]], np.float32), Crop(1.3), Preprocessing()
    )
    assert faces.shape == (2, 48, 48)
    assert (faces == 7).all()


def test_a_network_of_enlarged_faces_gets_no_more_detail_than_it_learned_from():
    preprocessing = Preprocessing(size=64, detail=48)
    large, box = noise(200, 200), np.array([[20, 20, 160, 160]], np.float32)
    (face,) = crop_faces(large, box, Crop(), preprocessing)
    np.testing.assert_array_equal(face, resize_face(resize_face(large[20:180, 20:180], 48), 64))
    (face,) = crop_faces(large, box, Crop(), Preprocessing(size=64, detail=None))
    np.testing.assert_array_equal(face, resize_face(large[20:180, 20:180], 64))
    small = noise(40, 40)
    (face,) = crop_faces(small, np.array([[0, 0, 40, 40]], np.float32), Crop(), preprocessing)
    np.testing.assert_array_equal(face, resize_face(small, 64))


def test_no_boxes_give_no_faces():
    assert crop_faces(noise(9, 9), np.zeros((0, 4), np.float32), Crop(), Preprocessing()).shape == (0, 48, 48)


@pytest.mark.parametrize("values", [{"scale": 0}, {"scale": -1}, {"dx": float("nan")}, {"dy": "low"}])
def test_values_that_give_no_square_are_refused(values: dict):
    with pytest.raises(ConfigError, match="crop: scale must be a number above 0"):
        Crop(**values)


@pytest.mark.parametrize("side", [96, 192, 288])
def test_halves_go_up_whatever_the_size(side: int):
    pattern = np.tile(np.uint8([[10, 11], [11, 10]]), (side // 2, side // 2))
    assert (resize_face(pattern, 48) == 11).all()


def test_enlarged_faces_are_rounded():
    """Bytes that OpenCV interpolates are cut off instead, and a tenth of a gray level darker."""
    face = noise(37, 37)
    exact = cv2.resize(face.astype(np.float32), (64, 64))
    np.testing.assert_allclose(resize_face(face, 64), exact, atol=0.502)
