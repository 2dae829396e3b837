"""Cascades of random trees, and pictures to look at."""

import cv2
import numpy as np
import pytest
from skimage import data

from cascade.boost.features import haar_features, lbp_features
from cascade.boost.model import BoostedModel, BoostedStage, Samples, Tree

W, H = 20, 22
PICTURES = [np.asarray(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)), data.camera()[:300, :311], data.coins()]


def drawn(kind, depth, nested=False, stages=4, seed=0):
    """A cascade of random trees, whose stages accept about half of the windows each."""
    random = np.random.default_rng(seed)
    features = haar_features(W, H, "ALL") if kind == "HAAR" else lbp_features(W, H)
    model = BoostedModel((W, H), features)
    patches = [p[y : y + H, x : x + W] for p in PICTURES for y, x in random.integers(0, p.shape[0] - H, (300, 2))]
    samples = Samples(np.array(patches))
    for stage in range(stages):
        trees = []
        for _ in range(3 + stage):
            count = 1 if depth == 1 else 3
            nodes = [(0, 0, -1)] if depth == 1 else [(0, 1, 2), (0, 0, -1), (0, -2, -3)]
            nodes = np.array(nodes, np.int32)
            nodes[:, 0] = random.integers(0, len(features), count)
            haar = kind == "HAAR"
            trees.append(
                Tree(
                    nodes,
                    random.normal(0, 0.01, count).astype(np.float32) if haar else np.zeros(count, np.float32),
                    np.zeros((0, 8), np.int32) if haar else random.integers(-(2**31), 2**31, (count, 8), np.int32),
                    random.normal(size=count + 1).astype(np.float32),
                )
            )
        goes_on = nested and stage > 0
        model.stages.append(BoostedStage(tuple(trees), -1e9, goes_on))
        passed, sums = model.judge(samples)
        threshold = float(np.float32(np.median(sums[passed == stage + 1])))
        model.stages[-1] = BoostedStage(tuple(trees), threshold, goes_on)
    return model


@pytest.fixture(scope="session")
def pictures():
    return PICTURES


@pytest.fixture(scope="session")
def draw():
    """Makes a cascade of random trees for windows of 20×22 pixels: `drawn`."""
    return drawn
