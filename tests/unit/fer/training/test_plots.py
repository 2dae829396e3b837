import numpy as np

from fer.training.plots import confusion_figure, curves_figure, pixels


def test_a_confusion_picture_shows_shares_and_counts():
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ("angry", "happy"))
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"75%\n3", "25%\n1", "0%\n0"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["angry", "happy"]
    assert axes.get_xlabel() == "predicted"
    picture = pixels(figure)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_curves_count_epochs_from_one_and_go_past_those_that_were_not_measured():
    figure = curves_figure({"train/acc": [0.2, 0.4, 0.6], "val/acc": [0.1, float("nan"), 0.5]}, "accuracy")
    train, val = figure.axes[0].lines
    assert train.get_xdata().tolist() == [1, 2, 3]
    assert val.get_xdata().tolist() == [1, 3] and val.get_ydata().tolist() == [0.1, 0.5]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["train/acc", "val/acc"]
    assert pixels(curves_figure({})).shape[2] == 3
