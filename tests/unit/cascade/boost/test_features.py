import numpy as np
import pytest

from cascade.boost.features import Layout, haar_features, lbp_features
from cascade.opencv.options import TrainOptions, count_features


@pytest.mark.parametrize("window", [(24, 24), (21, 24), (12, 30)])
@pytest.mark.parametrize("mode", ["BASIC", "CORE", "ALL"])
def test_haar_features_are_those_of_the_binary(window, mode):
    features = haar_features(*window, mode)
    width, height = window
    assert len(features) == count_features(TrainOptions(w=width, h=height, mode=mode))
    assert len(np.unique(np.column_stack([features.rects.reshape(-1, 12), features.turned]), axis=0)) == len(features)
    # every corner inside the window, and the weights of a feature balance
    points = features.points(Layout(1000))[:, :12]
    assert (points % 1000).max() <= width and (points // 1000).max() <= height and points.min() >= 0
    assert ((features.weights * features.rects[..., 2:].prod(-1)).sum(1) == 0).all()


def test_lbp_features_are_those_of_the_binary():
    features = lbp_features(21, 24)
    assert len(features) == count_features(TrainOptions(w=21, h=24, featureType="LBP"))
    points = features.points(Layout(1000))
    assert (points % 1000).max() == 21 and (points // 1000).max() == 24 and points.min() == 0


def test_a_layout_with_odd_columns_apart_holds_the_same():
    image = np.arange(5 * 8).reshape(5, 8)
    apart = np.concatenate([image[:, ::2], image[:, 1::2]], 1).reshape(-1)
    rows, columns = np.indices(image.shape)
    assert (apart[Layout(8, 4).at(rows, columns)] == image).all()
