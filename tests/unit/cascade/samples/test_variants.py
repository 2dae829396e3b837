import cv2
import numpy as np
import pytest

from cascade.errors import ConfigError
from cascade.samples.image_annotations import ImageAnnotations
from cascade.samples.variants import Variants, add_variants


@pytest.fixture
def entries(tmp_path):
    """Three pictures of 60×60, each with a box of 28×32 that holds a bright spot above its centre."""
    made = []
    for number, gray in enumerate((140, 180, 220)):
        image = np.full((60, 60), 40, np.uint8)
        cv2.circle(image, (28, 24), 5, gray, -1)
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), image)
        made.append(ImageAnnotations(path, np.array([[14.0, 12.0, 28.0, 32.0]]), np.zeros(1, bool)))
    return made


@pytest.fixture
def samples(entries):
    cuts = [cv2.imread(str(entry.path), 0)[12:44, 14:42] for entry in entries]
    return np.stack([cv2.resize(cut, (21, 24), interpolation=cv2.INTER_AREA) for cut in cuts])


def test_mirrored_samples_are_added_and_the_first_are_of_different_boxes(samples, entries):
    made = add_variants(samples, entries, Variants(mirror=True), seed=0)
    assert made.shape == (6, 24, 21)
    assert made.dtype == np.uint8
    both = [tuple(sample.ravel()) for pair in (samples, samples[:, :, ::-1]) for sample in pair]
    assert sorted(tuple(sample.ravel()) for sample in made) == sorted(both)
    assert sorted(made[:3].max(axis=(1, 2))) == sorted(samples.max(axis=(1, 2)))


def test_a_copy_that_is_not_moved_is_the_sample(samples, entries):
    made = add_variants(samples[:1], entries, Variants(copies=1, shift=0, scale=0, angle=0), seed=0)
    assert made.shape == (2, 24, 21)
    assert np.abs(made[0].astype(int) - made[1]).mean() < 2


def test_copies_vary_with_the_seed_and_by_as_much_as_asked(samples, entries):
    spots = []
    for seed in (0, 1):
        made = add_variants(samples, entries, Variants(copies=40, shift=0.05, scale=0, angle=0), seed)
        rows = np.arange(24)[None, :, None]
        light = made.astype(float) - made.min(axis=(1, 2), keepdims=True)
        spots.append((light * rows).sum(axis=(1, 2)) / light.sum(axis=(1, 2)))
    assert not np.array_equal(spots[0], spots[1])
    assert 0.8 < np.std(spots[0]) / (0.05 * 24) < 1.2


def test_boxes_beyond_the_samples_are_left_out(samples, entries):
    assert len(add_variants(samples[:2], entries, Variants(copies=2), seed=0)) == 6


def test_negative_spread_is_refused():
    with pytest.raises(ConfigError, match=r"variants\.shift is -1"):
        Variants(shift=-1)
