"""The cascade in the making decides on every window as OpenCV decides on the file that is written of it."""

from collections import Counter

import cv2
import numpy as np
import pytest

from cascade.boost import kernels
from cascade.boost.features import Layout
from cascade.boost.mining import copies
from cascade.boost.model import BoostedStage, Samples, integrals, laid_out
from cascade.xml import read_cascade

W, H = 20, 22


def opencv(model, path):
    model.xml({"maxDepth": 1}).write(path)
    classifier = cv2.CascadeClassifier(str(path))
    assert not classifier.empty()
    return classifier


CASES = [("HAAR", 1, False), ("HAAR", 2, False), ("HAAR", 1, True), ("LBP", 1, False), ("LBP", 2, True)]


@pytest.mark.parametrize(("kind", "depth", "nested"), CASES)
def test_every_decision_is_opencvs(draw, pictures, kind, depth, nested, tmp_path):
    model = draw(kind, depth, nested)
    classifier = opencv(model, tmp_path / "cascade.xml")
    for picture in pictures:
        boxes = np.asarray(classifier.detectMultiScale(picture, 1.1, 0, minSize=(1, 1))).reshape(-1, 4)
        theirs = inner(map(tuple, boxes.tolist()), picture)
        assert sum(theirs.values()) > 50
        assert theirs == inner(hits(model, picture), picture)


def inner(boxes, picture):
    """Those boxes that OpenCV neither clips at the right nor perhaps leaves out, as they are in its last row."""
    height, width = picture.shape
    return Counter(box for box in boxes if box[0] + box[2] < width and box[1] + box[3] * (1 + 1.5 / H) < height)


def hits(model, picture):
    """The boxes of all windows that OpenCV would look at and accept, from our own decisions on each."""
    factor = np.float64(1)
    for copy, step in copies(picture, (W, H), 1.0):
        stride = copy.shape[1] + 1
        images = [image.reshape(-1) for image in integrals(copy)]
        own = model.compile(Layout(stride))
        xs = np.arange(0, copy.shape[1] - W + 1, step)
        for y in range(0, copy.shape[0] - H + 1, step):
            bases = y * stride + xs
            scales = np.ones(len(xs), np.float32)
            if model.features.kind == "HAAR":
                pairs = [kernels.window_scale(*images[:2], base, own.inset, own.area) for base in bases]
                scales = np.array(pairs, np.float32)
            passed, totals = np.zeros(len(xs), np.int64), np.zeros(len(xs))
            kernels.judge(tuple(images), bases, scales, own, 0, passed, totals)
            at = 0
            while at < len(xs):
                if passed[at] == len(model.stages):
                    place = (np.float32(value) * np.float32(factor) for value in (xs[at], y))
                    yield (*map(round, map(float, place)), round(W * factor), round(H * factor))
                at += 2 if passed[at] == 0 and scales[at] else 1  # beside what the first stage rejects it does not look
        factor *= 1.1


@pytest.mark.parametrize(("kind", "depth", "nested"), CASES)
def test_scan_finds_what_is_accepted(draw, pictures, kind, depth, nested):
    model = draw(kind, depth, nested)
    for copy, step in copies(pictures[1], (W, H), 1.0):
        rows, columns = (range(0, side + 1, step) for side in (copy.shape[0] - H, copy.shape[1] - W))
        images, layout = laid_out(copy, step, turned=True)
        found = np.empty(10**5, np.int64)
        count = kernels.scan(images, layout.stride, np.array(rows), len(columns), model.compile(layout), found)
        places = [(y, x) for y in rows for x in columns]
        patches = np.array([copy[y : y + H, x : x + W] for y, x in places])
        passed, _ = model.judge(Samples(patches))
        expected = [layout.at(*places[i]) for i in np.flatnonzero(passed == 4)]
        assert found[:count].tolist() == expected


def test_samples_decide_as_windows_of_pictures(draw, pictures, tmp_path):
    """A sample cut out of a picture is judged as the window that it was."""
    model = draw("HAAR", 1, stages=2)
    classifier = opencv(model, tmp_path / "cascade.xml")
    random = np.random.default_rng(1)
    patches = np.array([pictures[0][y : y + H, x : x + W] for y, x in random.integers(0, 480, (200, 2))])
    passed, _ = model.judge(Samples(patches))
    # with a row below it, as OpenCV does not look at the last one
    theirs = [len(classifier.detectMultiScale(np.pad(p, ((0, 1), (0, 0))), 1.1, 0, 0, (1, 1), (W, H))) for p in patches]
    assert 20 < sum(theirs) < 180 and ((passed == 2) == theirs).all()


def test_a_window_without_contrast_is_never_accepted(draw):
    flat = np.full((1, H, W), 128, np.uint8)
    model = draw("HAAR", 1, stages=1)
    model.stages[0] = BoostedStage(model.stages[0].trees, -1e9)
    assert model.judge(Samples(flat))[0].tolist() == [0]


def test_nested_stages_repeat_the_trees_in_the_file(draw, tmp_path):
    model = draw("LBP", 1, nested=True)
    opencv(model, tmp_path / "cascade.xml")
    assert read_cascade(tmp_path / "cascade.xml").weak_trees == [3, 7, 12, 18]
