import cv2
import numpy as np
import pytest

from cascade.errors import ConfigError
from cascade.samples.variants import Variants, mix

BOX = (14, 12, 28, 32)


@pytest.fixture
def images():
    """Three pictures of 60×60, each with a box of 28×32 that holds a bright spot above its centre."""
    made = []
    for gray in (140, 180, 220):
        image = np.full((60, 60), 40, np.uint8)
        made.append(cv2.circle(image, (28, 24), 5, gray, -1))
    return made


@pytest.fixture
def samples(images):
    return np.stack([cv2.resize(image[12:44, 14:42], (21, 24), interpolation=cv2.INTER_AREA) for image in images])


def variants(**settings):
    return Variants(**{"copies": 1, "mirror": False, "shift": 0.02, "scale": 0.04, "angle": 4.0} | settings)


def test_mirrored_samples_are_added_and_the_first_are_of_different_boxes(samples):
    made = mix(samples[:, None], True, seed=0)
    assert made.shape == (6, 24, 21)
    assert made.dtype == np.uint8
    both = [tuple(sample.ravel()) for pair in (samples, samples[:, :, ::-1]) for sample in pair]
    assert sorted(tuple(sample.ravel()) for sample in made) == sorted(both)
    assert sorted(made[:3].max(axis=(1, 2))) == sorted(samples.max(axis=(1, 2)))
    assert not np.array_equal(made, mix(samples[:, None], True, seed=1))


def test_samples_of_one_kind_keep_their_order(samples):
    np.testing.assert_array_equal(mix(samples[:, None], False, seed=0), samples)


def test_a_copy_that_is_not_moved_is_the_sample(samples, images):
    made = variants(shift=0, scale=0, angle=0).vary(images[0], BOX, (21, 24), np.random.default_rng(0))
    assert made.shape == (24, 21) and made.dtype == np.uint8
    assert np.abs(samples[0].astype(int) - made).mean() < 2


def test_copies_vary_with_the_seed_and_by_as_much_as_asked(images):
    spots = []
    for seed in (0, 1):
        generator = np.random.default_rng(seed)
        moving = variants(shift=0.05, scale=0, angle=0)
        made = np.stack([moving.vary(image, BOX, (21, 24), generator) for image in images for _ in range(40)])
        rows = np.arange(24)[None, :, None]
        light = made.astype(float) - made.min(axis=(1, 2), keepdims=True)
        spots.append((light * rows).sum(axis=(1, 2)) / light.sum(axis=(1, 2)))
    assert not np.array_equal(spots[0], spots[1])
    assert 0.8 < np.std(spots[0]) / (0.05 * 24) < 1.2


def copies(image, count=400, **settings):
    still = variants(shift=0, scale=0, angle=0, **settings)
    generator = np.random.default_rng(0)
    return np.stack([still.vary(image, BOX, (21, 24), generator) for _ in range(count)]).astype(float)


def test_light_falls_from_one_side_and_by_as_much_as_asked():
    made = copies(np.full((60, 60), 100, np.uint8), light=0.2)
    assert np.abs(made[:, 11:13, 10].mean(axis=1) - 100).max() <= 1
    # along a random direction, half of the variance falls on each axis
    across = np.log(made[:, 12, -1] / made[:, 12, 0]) / 2
    assert 0.9 < np.std(across) / (0.2 / np.sqrt(2)) < 1.1


def test_noise_and_blur_are_as_strong_as_asked(images):
    noisy = copies(np.full((60, 60), 100, np.uint8), noise=6)
    assert 0.9 < np.sqrt(((noisy - 100) ** 2).mean()) / 6 < 1.1
    spread = noisy.std(axis=(1, 2))
    assert spread.min() < 1 and spread.max() > 12
    peak = copies(images[2], 1).max()
    blurred = copies(images[2], blur=2).max(axis=(1, 2))
    assert blurred.min() < 0.8 * peak and blurred.max() > 0.95 * peak


def test_what_is_not_asked_for_changes_no_other_draw(images):
    one = variants().vary(images[0], BOX, (21, 24), np.random.default_rng(0))
    other = variants(light=0, noise=0, blur=0).vary(images[0], BOX, (21, 24), np.random.default_rng(0))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["shift", "light", "noise", "blur"])
def test_negative_spread_is_refused(name):
    with pytest.raises(ConfigError, match=rf"variants\.{name} is -1"):
        variants(**{name: -1})
