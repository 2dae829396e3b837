import cv2
import numpy as np
import pytest

from cascade import Detections
from fer.inference.frames import Frame
from fer.inference.tracking import FaceTracker, Track, Tracking, follow_boxes


def texture(height: int = 240, width: int = 320) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def shifted(image: np.ndarray, dx: float, dy: float, scale: float = 1.0) -> np.ndarray:
    matrix = np.array([[scale, 0, dx], [0, scale, dy]], np.float32)
    return cv2.warpAffine(image, matrix, image.shape[::-1], borderMode=cv2.BORDER_REFLECT)


def found(*boxes: tuple[float, ...]):
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.ones(len(boxes), np.float32))


def test_a_box_moves_and_grows_with_the_picture():
    before = texture()
    (moved,) = follow_boxes(before, shifted(before, 3, -2, 1.03), np.array([[100, 80, 60, 60]], np.float32))
    np.testing.assert_allclose(moved, [106, 80.4, 61.8, 61.8], atol=0.6)


def test_a_box_whose_content_is_gone_is_lost():
    before, other = texture(), texture()[::-1].copy()
    assert follow_boxes(before, other, np.array([[100, 80, 60, 60]], np.float32)) == [None]


def test_boxes_follow_between_detections_and_keep_their_ids():
    tracker = FaceTracker(Tracking(detect_every=4))
    image = texture()
    calls = []

    def detect(gray):
        calls.append(index)
        return found((60 + 2 * index, 80, 50, 50), (200, 100 + index, 40, 40))

    for index in range(12):
        frame = image.copy()
        frame[:, :160] = shifted(image, 2 * index, 0)[:, :160]
        frame[:, 160:] = shifted(image, 0, index)[:, 160:]
        tracks = tracker.update(Frame(frame, index, index / 25), detect)
        assert [track.id for track in tracks] == [1, 2]
        np.testing.assert_allclose(tracks[0].box, [60 + 2 * index, 80, 50, 50], atol=2.5)
        np.testing.assert_allclose(tracks[1].box, [200, 100 + index, 40, 40], atol=2.5)
    assert calls == [0, 4, 8]


def test_a_detection_that_misses_a_face_once_does_not_end_it():
    tracker = FaceTracker(Tracking(detect_every=1, max_misses=2))
    image, box = texture(), (60, 80, 50, 50)
    seen = [box, None, None, box, None, None, None, box]
    ids = []
    for index, there in enumerate(seen):
        boxes = [there] if there else []
        tracks = tracker.update(Frame(image, index, index / 25), lambda gray, boxes=boxes: found(*boxes))
        ids.append([track.id for track in tracks])
    # hidden after three misses, and itself again when it is found within a second
    assert ids == [[1]] * 6 + [[], [1]]


def test_a_face_out_of_sight_for_long_gets_a_new_id():
    tracker = FaceTracker(Tracking(detect_every=1, max_misses=0, keep_s=0.5))
    image, box = texture(), (60, 80, 50, 50)
    assert [t.id for t in tracker.update(Frame(image, time_s=0.0), lambda g: found(box))] == [1]
    assert tracker.update(Frame(image, time_s=0.4), lambda g: found()) == []
    assert [t.id for t in tracker.update(Frame(image, time_s=1.2), lambda g: found(box))] == [2]


def test_crossing_detections_go_to_the_better_overlap():
    tracker = FaceTracker(Tracking(detect_every=1))
    image = texture()
    tracker.update(Frame(image, time_s=0.0), lambda g: found((50, 50, 40, 40), (80, 50, 40, 40)))
    tracks = tracker.update(Frame(image, time_s=0.04), lambda g: found((78, 50, 40, 40), (52, 50, 40, 40)))
    assert {t.id: round(float(t.box[0])) for t in tracks} == {1: 50, 2: 80}


def test_smoothing_is_causal_and_in_seconds():
    """After one half-life a change counts half, at any frame rate; the first frame counts at once."""
    for rate in (10, 20, 100):
        track = Track(1, np.zeros(4, np.float32), 1.0, 0.0)
        assert track.smoothed(np.array([1.0, 0.0], np.float32), 0.0, 0.5).tolist() == [1, 0]
        for index in range(1, rate // 2 + 1):
            mean = track.smoothed(np.array([0.0, 1.0], np.float32), index / rate, 0.5)
        np.testing.assert_allclose(mean, [0.5, 0.5], atol=1e-3)


def test_no_smoothing_returns_each_frame_as_it_is():
    track = Track(1, np.zeros(4, np.float32), 1.0, 0.0)
    track.smoothed(np.array([1.0, 0.0], np.float32), 0.0, 0)
    assert track.smoothed(np.array([0.2, 0.8], np.float32), 0.04, 0).tolist() == pytest.approx([0.2, 0.8])


def test_a_change_of_size_is_survived():
    tracker = FaceTracker(Tracking(detect_every=2))
    tracker.update(Frame(texture(), time_s=0.0), lambda g: found((60, 80, 50, 50)))
    assert tracker.update(Frame(texture(120, 160), time_s=0.1), lambda g: found()) == []


@pytest.mark.parametrize("settings", [{"detect_every": 0}, {"half_life_s": -1}, {"min_iou": 0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match="tracking"):
        Tracking(**settings)
