import cv2
import numpy as np
import pytest

from cascade.boost.features import lbp_features
from cascade.boost.mining import Negatives, Scene, copies, scenes_of
from cascade.boost.model import BoostedModel
from cascade.boost.trees import Workers
from cascade.samples.lists import write_positives
from cascade.training.trainer import Inputs

W, H = 20, 22
EVERYTHING = 10**6


@pytest.fixture
def model():
    """Accepts everything."""
    return BoostedModel((W, H), lbp_features(W, H))


@pytest.fixture
def noise(tmp_path):
    path = tmp_path / "noise.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (60, 70), np.uint8))
    return path


def collect(scenes, model, wanted=EVERYTHING, seed=0):
    negatives = Negatives(scenes, (W, H), seed, 1e9)
    return negatives, negatives.collect(model, wanted, Workers(2), lambda *_: None)


def test_every_window_is_looked_at_once(model, noise):
    negatives, found = collect([Scene(noise)], model)
    picture = cv2.imread(str(noise), 0)
    grids = [
        len(range(0, copy.shape[0] - H + 1, step)) * len(range(0, copy.shape[1] - W + 1, step))
        for seen, factor in ((picture, 1.0), (picture[:, ::-1].copy(), 1.1**0.5))
        for copy, step in copies(seen, (W, H), factor)
    ]
    assert len(found) == sum(grids) == len(np.unique(found.reshape(len(found), -1), axis=0))
    assert negatives.share == 1.0
    assert len(negatives.collect(model, len(found) + 1, Workers(1), lambda *_: None)) == len(found)  # no more are there


def test_what_is_found_does_not_depend_on_threads_or_on_pauses(model, noise, tmp_path):
    for index in range(9):
        cv2.imwrite(str(tmp_path / f"{index}.png"), cv2.imread(str(noise), 0)[index:])
    scenes = [Scene(tmp_path / f"{index}.png") for index in range(9)]
    first, _ = collect(scenes, model, 100)
    resumed = Negatives(scenes, (W, H), 0, 0, first.patches.copy(), first.position, first.share)
    more = [each.collect(model, 300, Workers(threads), lambda *_: None) for each, threads in ((first, 1), (resumed, 3))]
    assert (more[0] == more[1]).all() and first.position == resumed.position and len(more[0]) == 300
    assert not np.array_equal(collect(scenes, model, 300, seed=1)[1], more[0])


@pytest.mark.parametrize("where", ["objects", "ignored"])
def test_objects_and_regions_to_ignore_are_no_negatives(model, noise, where):
    picture = cv2.imread(str(noise), 0)
    picture[:, :40] = 255  # an object, so to say
    cv2.imwrite(str(noise), picture)
    box = np.array([[0.0, 0.0, 40.0, 60.0]])

    def whitest(**regions):
        _, found = collect([Scene(noise, **regions)], model)
        return len(found), (found == 255).mean((1, 2)).max()

    everything, white = whitest()
    assert white == 1.0
    left, white = whitest(**{where: box})
    # not those that lie on it for three tenths, or that share as much with it; the mirrored ones neither
    assert 0 < left < everything and white < (0.35 if where == "ignored" else 1.01)
    assert left < whitest(**{where: box[:, [0, 1, 2, 3]] * [1, 1, 0.5, 1]})[0]


def test_scenes_are_the_positives_pictures_too(tmp_path, noise):
    write_positives(tmp_path / "positives.dat", [("noise.png", [(1, 2, W, H)])])
    write_positives(tmp_path / "ignore.dat", [("noise.png", [(5, 6, 30, 30)])])
    inputs = Inputs(tmp_path / "x.vec", tmp_path / "bg.txt", (W, H), 0, [noise], 0, tmp_path / "positives.dat")
    inputs.ignore = tmp_path / "ignore.dat"
    assert [len(scene.objects) for scene in scenes_of(inputs, False)] == [0]
    _, scene = scenes_of(inputs, True)
    assert scene.objects.tolist() == [[1, 2, W, H]] and scene.ignored.tolist() == [[5, 6, 30, 30]]
