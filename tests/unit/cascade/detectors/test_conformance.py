"""What every face detector keeps to: each one of configs/detector, so that a new one is tested the day it exists."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from cascade import CascadeDetector, ConvolutionalDetector, Detections, FaceDetector, YuNetDetector
from cascade.boxes import face_box, iou
from cascade.command import CONFIGS
from cascade.detector import ThresholdDetector
from cascade.evaluation.choice import detector_configs

# the astronaut's pupils and the middle of her mouth, in the picture of 256 pixels
EYES, MOUTH = [[102.0, 51.6], [124.0, 52.5]], [111.2, 72.1]


class FakeYuNet:
    """Answers as OpenCV's network does of the astronaut, and adds two boxes."""

    def setInputSize(self, size):  # noqa: N802
        self.size = size

    def setScoreThreshold(self, least):  # noqa: N802
        self.least = least

    def detect(self, image):
        assert image.shape == (*self.size[::-1], 3)
        if image.std() == 0:
            return 1, None
        rows = np.zeros((4, 15), np.float32)
        rows[:, :4] = [[50, 60, 20, 30], [91.0, 31.1, 46.1, 57.6], [10, 20, 30, 40], [60, 60, 20, 30]]
        rows[:, 14] = [0.7, 0.9, 0.8, 0.3]
        return 1, rows[rows[:, 14] >= self.least]


@pytest.fixture(scope="module", params=detector_configs())
def detector(request, tmp_path_factory):
    """Each detector as its config describes it; what is no part of the project is stood in for."""
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        overrides = []
        if request.param == "yunet":
            (folder / "yunet.onnx").touch()
            patch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: FakeYuNet())
            overrides = [f"detector.model_path={folder / 'yunet.onnx'}"]
        if request.param == "opencv_lbp":
            overrides = [f"detector.cascade={CascadeDetector('alt2').path}"]
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose(f"detector/{request.param}", overrides).detector
        yield request.param, instantiate(config)


def test_it_is_a_face_detector(detector):
    assert isinstance(detector[1], FaceDetector)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 1), (64, 64, 3), (5, 5), (1, 1), (200, 3)])
def test_no_faces_is_an_empty_result(detector, shape):
    found = detector[1].detect(np.full(shape, 127, np.uint8))
    assert isinstance(found, Detections)
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_every_layout_of_the_same_picture_gives_the_same_faces(detector, astronaut):
    gray = cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY)
    expected = detector[1].detect(gray)
    for picture in (
        gray[..., None],
        np.asfortranarray(gray),
        np.repeat(gray, 2, axis=1)[:, ::2],
        gray[::-1].copy()[::-1],
    ):
        found = detector[1].detect(picture)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_the_picture_is_left_as_it_is(detector, astronaut):
    picture = astronaut.copy()
    detector[1].detect(picture)
    np.testing.assert_array_equal(picture, astronaut)


def test_faces_are_ranked_and_within_reason(detector, astronaut):
    found = detector[1].detect(cv2.resize(astronaut, (512, 512)))
    assert (np.diff(found.scores) <= 0).all()
    assert np.isfinite(found.boxes).all()
    assert (found.boxes[:, 2:] > 8).all()
    centres = found.boxes[:, :2] + found.boxes[:, 2:] / 2
    assert ((centres > 0) & (centres < 512)).all()


def test_boxes_are_canonical(detector, astronaut):
    """The eyes' distance and place say where the box is, whichever detector found it."""
    name, one = detector
    found = one.detect(astronaut)
    # the profiles' cascade does not find her, who looks ahead
    assert len(found) >= 1 or name == "profile"
    assert (iou(found.boxes[:1], face_box(EYES, MOUTH)[None]) > 0.7).all()


def test_what_scores_below_its_threshold_can_be_asked_for(detector, astronaut, monkeypatch):
    """The same faces first, then what its threshold dropped; one above its threshold changes nothing."""
    one = detector[1]
    assert isinstance(one, ThresholdDetector) == isinstance(one, ConvolutionalDetector | YuNetDetector)
    if isinstance(one, ThresholdDetector):
        picture = np.hstack([astronaut, cv2.GaussianBlur(astronaut, (0, 0), 1.5)])
        if isinstance(one, ConvolutionalDetector):  # stand-ins for YuNet have a face below their threshold
            surest, *others = one.detect(picture).scores
            monkeypatch.setattr(one, "threshold", (surest + max(others)) / 2)
        found, lax = one.detect(picture), one.detect_down_to(picture, 0.02)
        assert len(lax) > len(found) > 0
        np.testing.assert_array_equal(lax.boxes[: len(found)], found.boxes)
        assert (lax.scores[len(found) :] < found.scores.min()).all()
        np.testing.assert_array_equal(one.detect_down_to(picture, 1.0).boxes, found.boxes)
        np.testing.assert_array_equal(one.detect(picture).boxes, found.boxes)


def test_a_pickled_one_finds_the_same(detector, astronaut, monkeypatch):
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: FakeYuNet())
    copy = pickle.loads(pickle.dumps(detector[1]))
    np.testing.assert_array_equal(copy.detect(astronaut).boxes, detector[1].detect(astronaut).boxes)
    assert repr(copy) == repr(detector[1])


def test_threads_share_one(detector, astronaut, monkeypatch):
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *arguments: FakeYuNet())
    pictures = [np.roll(astronaut, 8 * shift, axis=1) for shift in range(4)]
    expected = [detector[1].detect(picture).boxes for picture in pictures]
    with ThreadPoolExecutor(2) as pool:
        for boxes, wanted in zip(pool.map(lambda p: detector[1].detect(p).boxes, pictures), expected, strict=True):
            np.testing.assert_array_equal(boxes, wanted)
