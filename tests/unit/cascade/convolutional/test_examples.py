"""Drawing examples: what is shown, and what is said of it."""

import numpy as np
import pytest

from cascade.convolutional.examples import (
    IGNORED,
    NOTHING,
    OBJECT,
    Hard,
    ScanExamples,
    Source,
    Variation,
    WindowExamples,
    judge,
)
from cascade.convolutional.scenes import Scene

ASPECT = 7 / 8
PLAIN = Variation(0, False, 0, 0, 0, 0, 0, 0, 0, 0, 0)

JITTER = (0.09, 0.18)


def scene(objects=((100, 80, 40),), ignore=(), gray=60):
    """A white spot in the middle of each object."""
    picture = np.full((200, 240), gray, np.uint8)
    for x, y, size in objects:
        radius = size // 4
        picture[y - radius : y + radius, x - radius : x + radius] = 255
    return Scene(picture, np.array(objects, float).reshape(-1, 3), np.array(ignore, float).reshape(-1, 4))


def spot(patch):
    """Middle and side of the white spot in a patch, in pixels."""
    y, x = np.nonzero(patch > 200)
    return x.mean() + 0.5, y.mean() + 0.5, np.sqrt(len(x))


def test_windows_say_where_the_object_is():
    examples = WindowExamples(Source([scene()], ASPECT, PLAIN), (34, 30), 1.4, JITTER, shares=(1, 0, 0))
    windows, targets = examples.draw(200, np.random.default_rng(0))
    assert windows.shape == (200, 1, 34, 30) and targets.shape == (200, 4)
    held = targets[:, 0] == OBJECT
    assert held.mean() > 0.7 and (targets[~held, 1:] == 0).all()
    side = np.sqrt(34 * 30) / 1.4  # the window's, in the patch
    for patch, (_, dx, dy, scale) in zip(windows[held, 0], targets[held], strict=True):
        x, y, size = spot(patch)
        assert abs(x - (15 + dx * side)) < 1.2 and abs(y - (17 + dy * side)) < 1.2
        assert size == pytest.approx(side * np.exp(scale) / 2, abs=2)


@pytest.mark.parametrize("varied", [Variation(angle=25, mirror=True), PLAIN])
def test_scans_say_where_the_object_is(varied):
    quiet = Variation(varied.angle, varied.mirror, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    examples = ScanExamples(Source([scene()], ASPECT, quiet), 20, 8, shares=(1, 0))
    patches, targets = examples.draw(100, np.random.default_rng(0))
    assert patches.shape == (100, 1, 64, 64) and targets.shape == (100, 4, 6, 6)
    seen = 0
    for patch, target in zip(patches[:, 0], targets, strict=True):
        for row, column in np.argwhere(target[0] == OBJECT):
            _, dx, dy, scale = target[:, row, column]
            x, y, size = spot(patch)
            if min(x, y) < size or max(x, y) > 64 - size:
                continue  # cut off
            at = (column + 1.5) * 8 + dx * 20 * 2**0.5, (row + 1.5) * 8 + dy * 20 * 2**0.5
            assert np.abs(np.subtract(at, (x, y))).max() < 1.5
            assert size == pytest.approx(20 * 2**0.5 * np.exp(scale) / 2, abs=3)
            seen += 1
    assert seen > 100


def test_objects_of_other_sizes_are_no_scans():
    """Of 20 to 40 pixels they are objects, a little more or less is ignored, and the rest is nothing."""
    examples = ScanExamples(Source([scene()], ASPECT, PLAIN), 20, 8)
    for size, wanted in ((10, NOTHING), (17, IGNORED), (28, OBJECT), (45, IGNORED), (60, NOTHING)):
        seen = np.array([100.0, 80.0, 40 / size * 64])
        verdict = examples._targets(examples.source.scenes[0], seen, 0.0, False)[0]
        middle = verdict[2:4, 2:4]
        assert (middle == wanted).all(), size


def test_what_is_to_be_ignored_is():
    hidden = scene(ignore=[(150, 20, 40, 46)])
    windows = np.array(
        [[170, 43, 40], [170, 43, 500], [100, 80, 40], [100, 80, 58], [20, 150, 30], [126, 80, 40]], float
    )
    verdict, nearest = judge(windows, hidden, ASPECT, 0.5, 0.35)
    assert verdict.tolist() == [IGNORED, IGNORED, OBJECT, IGNORED, NOTHING, NOTHING] and (nearest == 0).all()
    everything = scene(ignore=[(-1000, -1000, 3000, 3000)])
    verdict, _ = judge(windows, everything, ASPECT, 0.5, 0.35)
    assert verdict.tolist() == [IGNORED, IGNORED, OBJECT, IGNORED, IGNORED, NOTHING]  # beside an object is known


def test_hard_windows_are_drawn():
    source = Source([scene(), scene((), gray=9)], ASPECT, PLAIN)
    source.hard = Hard(np.array([1]), np.array([[50.0, 50.0, 30.0]]))
    windows, targets = WindowExamples(source, (32, 32), 1.0, JITTER, shares=(0, 1, 0)).draw(
        10, np.random.default_rng(0)
    )
    assert (windows == 9).all() and (targets[:, 0] == NOTHING).all()


def test_the_same_seed_draws_the_same():
    for kind in (lambda s: WindowExamples(s, (32, 32), 1.4, JITTER), lambda s: ScanExamples(s, 20, 8)):
        first, again, other = (
            kind(Source([scene(), scene(())], ASPECT, Variation())).draw(20, np.random.default_rng(seed))
            for seed in (0, 0, 1)
        )
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not np.array_equal(first[0], other[0])


def test_variation_varies():
    patch = np.tile(np.arange(0, 240, 8, dtype=np.uint8), (34, 1))
    for name in ("contrast", "brightness", "gamma", "blurred", "coarse", "noisy", "compressed", "shaded", "covered"):
        value = 30.0 if name == "brightness" else 1.0
        varied = Variation(**{**vars(PLAIN), name: value})
        assert any(not np.array_equal(varied.apply(patch, np.random.default_rng(seed)), patch) for seed in range(5)), (
            name
        )
    assert np.array_equal(PLAIN.apply(patch, np.random.default_rng(0)), patch)
