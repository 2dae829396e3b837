import numpy as np

from cascade import ConvolutionalDetector
from cascade.drawn.scenes import render_scene
from fer.inference.drawing import blurred


def test_blurred_faces_are_few_shades_and_the_rest_is_as_it_was():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (100, 120, 3), dtype=np.uint8)
    before = image.copy()
    out = blurred(image, np.array([[20, 30, 40, 40], [100, 80, 60, 60], [500, 500, 10, 10]], np.float32))
    assert (image == before).all()
    changed = (out != image).any(axis=2)
    assert changed[50, 40] and changed[95, 115]
    assert not changed[:18].any() and not changed[:, :8].any()  # beyond the boxes and a quarter of their sides
    assert out[40:60, 30:50].std() < 0.2 * image[40:60, 30:50].std()
    assert (blurred(image, np.zeros((0, 4), np.float32)) == image).all()
    assert blurred(image[..., 0], np.array([[20, 30, 40, 40]], np.float32)).shape == (100, 120)


def test_a_blurred_face_is_none_to_the_detector():
    detector = ConvolutionalDetector()
    for seed in range(3):
        image = render_scene(seed, 0).image
        found = detector.detect(image)
        assert len(found.boxes) and not len(detector.detect(blurred(image, found.boxes)).boxes)
