import re
import shlex
import subprocess
import sys

import cv2
import numpy as np
import pytest

from cascade import BoxAdjustment, CascadeDetector, Detections, FaceDetector, YuNetDetector
from cascade.boxes import iou
from cascade.detectors import names as names_module
from cascade.detectors.grouping import group_hits
from cascade.detectors.yunet import SHA256, URL
from cascade.errors import ImageError, ModelError


@pytest.fixture(scope="module")
def alt2():
    return CascadeDetector("alt2", min_size=30)


@pytest.mark.parametrize("name", ["frontalface_default", "default", "alt", "alt2", "alt_tree", "frontalface_alt2"])
def test_named_cascades_find_the_face(name, astronaut, astronaut_face):
    found = CascadeDetector(name, min_size=30).detect(astronaut)
    assert len(found) >= 1
    assert iou(found.boxes[:1], astronaut_face[None])[0, 0] > 0.6


def test_result_is_ranked_and_typed(alt2, astronaut):
    found = CascadeDetector("frontalface_default", min_neighbors=0).detect(astronaut)
    assert len(found) > 5
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores >= 0).all()
    assert isinstance(alt2, FaceDetector)


@pytest.mark.parametrize(
    "view",
    [
        lambda bgr: bgr,
        lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY),
        lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)[..., None],
        lambda bgr: np.asfortranarray(bgr),
        lambda bgr: np.repeat(bgr, 2, axis=1)[:, ::2],
        lambda bgr: bgr[::-1].copy()[::-1],
    ],
    ids=["bgr", "gray", "gray1", "fortran", "strided", "negative stride"],
)
def test_every_layout_gives_the_same_faces(alt2, astronaut, view):
    expected = alt2.detect(astronaut)
    found = alt2.detect(view(astronaut))
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "imread gives None"),
        ([[1, 2], [3, 4]], "list"),
        (np.zeros((8, 8), np.float32), r"float32.*0\.\.255"),
        (np.zeros((8, 8), np.uint16), "uint16.*257"),
        (np.zeros((8, 8), np.bool_), "bool"),
        (np.zeros((0, 8), np.uint8), "empty"),
        (np.zeros((0, 8, 3), np.uint8), "empty"),
        (np.zeros((8, 8, 4), np.uint8), "alpha"),
        (np.zeros((2, 8, 8, 3), np.uint8), "one by one"),
        (np.zeros(8, np.uint8), r"\(8,\)"),
    ],
)
def test_other_images_are_refused(alt2, image, message):
    with pytest.raises(ImageError, match=message):
        alt2.detect(image)


def test_sizes_bound_the_windows(astronaut, astronaut_face):
    side = astronaut_face[2]
    for bounds in ({"min_size": 80}, {"min_size": 0.4}, {"max_size": 30}, {"max_size": 0.1}):
        found = CascadeDetector("alt2", **bounds, box_adjustment=BoxAdjustment()).detect(astronaut)
        assert not ((found.boxes[:, 2] > 0.8 * side) & (found.boxes[:, 2] < 1.3 * side)).any(), bounds
    assert len(CascadeDetector("alt2", min_size=0.15, max_size=0.23).detect(astronaut)) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale_factor": 1.0}, "scale_factor"),
        ({"min_neighbors": -1}, "min_neighbors"),
        ({"min_size": 0}, "min_size"),
        ({"min_size": 1.5}, "share"),
        ({"max_size": True}, "max_size"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ModelError, match=message):
        CascadeDetector("alt2", **settings)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"'alt3'.*alt2.*frontalface_default.*profile"):
        CascadeDetector("alt3")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone/away\.xml"):
        CascadeDetector(tmp_path / "gone" / "away.xml")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no xml at all",
        "<?xml version='1.0'?><opencv_storage><cascade>",
        "<?xml version='1.0'?><opencv_storage><a>1</a></opencv_storage>",
    ],
)
def test_broken_file_is_named(tmp_path, content, capfd):
    path = tmp_path / "broken.xml"
    path.write_text(content)
    with pytest.raises(ModelError, match=r"broken\.xml"):
        CascadeDetector(path)


def test_truncated_cascade_is_refused(tmp_path, capfd):
    whole = CascadeDetector("alt2").path.read_bytes()
    path = tmp_path / "cut.xml"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"cut\.xml"):
        CascadeDetector(path)


def test_file_and_result_folder_work_like_the_name(tmp_path, astronaut, alt2):
    folder = tmp_path / "my training"
    folder.mkdir()
    (folder / "cascade.xml").write_bytes(alt2.path.read_bytes())
    for cascade in (folder, folder / "cascade.xml", str(folder / "cascade.xml")):
        # a copy of another name declares nothing
        found = CascadeDetector(cascade, min_size=30).detect(astronaut)
        np.testing.assert_array_equal(alt2.box_adjustment.apply(found.boxes), alt2.detect(astronaut).boxes)


def test_released_cascades_are_found_by_name(tmp_path, monkeypatch, alt2):
    monkeypatch.setattr(names_module, "MODELS", tmp_path)
    (tmp_path / "opencv.json").write_text("{}")
    (tmp_path / "ours_test.xml").write_bytes(alt2.path.read_bytes())
    assert CascadeDetector("ours_test").path == tmp_path / "ours_test.xml"


def test_opencv_without_cascades_says_what_to_install(monkeypatch):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(ModelError, match=r"opencv-python>=4\.10,<5"):
        CascadeDetector("alt2")


def test_mirror_finds_what_the_mirrored_picture_holds(astronaut):
    flipped = np.ascontiguousarray(astronaut[:, ::-1])
    one_sided = CascadeDetector("profile", min_neighbors=0)
    both = CascadeDetector("profile", min_neighbors=0, mirror=True)
    seen = [len(one_sided.detect(picture)) for picture in (astronaut, flipped)]
    assert seen[0] != seen[1]
    boxes, mirrored = both.detect(astronaut).boxes, both.detect(flipped).boxes.copy()
    mirrored[:, 0] = 256 - mirrored[:, 0] - mirrored[:, 2]
    np.testing.assert_allclose(sorted(map(tuple, boxes)), sorted(map(tuple, mirrored)), atol=1e-4)
    assert len(boxes) == sum(seen)


def test_reduce_finds_the_same_face_in_the_large_picture(astronaut, astronaut_face):
    large = cv2.resize(astronaut, None, fx=3, fy=3)
    for sizes in ({"min_size": 90}, {"min_size": 0.12, "max_size": 0.3}):
        found = CascadeDetector("alt2", reduce=True, **sizes, box_adjustment=BoxAdjustment()).detect(large)
        assert iou(found.boxes[:1], 3 * astronaut_face[None])[0, 0] > 0.6
        assert (found.boxes[:, 2] >= 88).all()
    # a size below the window reduces nothing
    plain, reduced = (CascadeDetector("alt2", min_size=10, reduce=value) for value in (False, True))
    np.testing.assert_array_equal(plain.detect(astronaut).boxes, reduced.detect(astronaut).boxes)


def test_equalize_helps_in_the_dark(astronaut):
    dark = (astronaut // 24).astype(np.uint8)
    assert len(CascadeDetector("alt2", min_size=30, equalize=True).detect(dark)) == 1


def test_min_score_drops_the_weaker(astronaut):
    found = CascadeDetector("default", min_neighbors=1).detect(astronaut)
    least = float(found.scores[0])
    assert len(found) > 1
    assert len(CascadeDetector("default", min_neighbors=1, min_score=least).detect(astronaut)) == 1


def test_sweep_equals_separate_detections(astronaut):
    swept = CascadeDetector("default").sweep(astronaut, [0, 1, 3, 8])
    for least, found in zip([0, 1, 3, 8], swept, strict=True):
        alone = CascadeDetector("default", min_neighbors=least).detect(astronaut)
        np.testing.assert_array_equal(found.boxes, alone.boxes)


def test_agrees_with_opencv_on_which_faces_there_are(astronaut):
    gray = cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY)
    detector = CascadeDetector("default", min_neighbors=2, box_adjustment=BoxAdjustment())
    theirs = cv2.CascadeClassifier(str(detector.path)).detectMultiScale(gray, 1.1, 2)
    ours = detector.detect(astronaut).boxes
    overlap = iou(ours, theirs)
    assert len(theirs) > 0
    assert (overlap.max(axis=1) > 0.8).all()


def test_box_adjustment_moves_and_stretches(alt2, astronaut):
    moved = CascadeDetector("alt2", min_size=30, box_adjustment=BoxAdjustment(0.5, -0.25, 2.0, 0.5))
    raw = CascadeDetector("alt2", min_size=30, box_adjustment=BoxAdjustment())
    x, y, w, h = raw.detect(astronaut).boxes[0]
    np.testing.assert_array_equal(alt2.detect(astronaut).boxes, alt2.box_adjustment.apply(raw.detect(astronaut).boxes))
    np.testing.assert_allclose(
        moved.detect(astronaut).boxes[0], [x + 0.5 * w - 0.5 * w, y - 0.25 * h + 0.25 * h, 2 * w, 0.5 * h], rtol=1e-5
    )
    assert BoxAdjustment().apply(np.zeros((0, 4))).shape == (0, 4)
    with pytest.raises(ValueError, match="width"):
        BoxAdjustment(width=0)


class TestDeclaredAdjustment:
    def test_opencv_s_own_are_known_by_their_files(self):
        for name in ("default", "alt", "alt2", "alt_tree", "profile"):
            assert CascadeDetector(name).box_adjustment != BoxAdjustment()
        assert CascadeDetector("frontalface_lbp").box_adjustment == BoxAdjustment()

    def test_the_json_beside_a_training_s_cascade(self, tmp_path, alt2):
        (tmp_path / "cascade.xml").write_bytes(alt2.path.read_bytes())
        assert CascadeDetector(tmp_path).box_adjustment == BoxAdjustment()
        (tmp_path / "cascade.json").write_text('{"box_adjustment": {"dx": 0.1, "dy": 0, "width": 0.9, "height": 1.1}}')
        assert CascadeDetector(tmp_path).box_adjustment == BoxAdjustment(0.1, 0, 0.9, 1.1)
        assert CascadeDetector(tmp_path, box_adjustment=BoxAdjustment()).box_adjustment == BoxAdjustment()

    @pytest.mark.parametrize("content", ["{", '{"box_adjustment": {"left": 1}}', '{"box_adjustment": {"width": 0}}'])
    def test_a_damaged_one_is_named(self, tmp_path, alt2, content):
        (tmp_path / "cascade.xml").write_bytes(alt2.path.read_bytes())
        (tmp_path / "cascade.json").write_text(content)
        with pytest.raises(ModelError, match=r"cascade\.json"):
            CascadeDetector(tmp_path)


class TestGrouping:
    def test_no_hits(self):
        assert group_hits([], [], 3).boxes.shape == (0, 4)

    def test_mean_box_and_summed_margins(self):
        hits = [[10, 10, 20, 20], [12, 10, 20, 20], [11, 13, 20, 20], [200, 200, 30, 30]]
        found = group_hits(hits, [1.0, 2.0, 3.0, 50.0], min_neighbors=2)
        np.testing.assert_allclose(found.boxes, [[11, 11, 20, 20]])
        np.testing.assert_allclose(found.scores, [6.0])
        assert len(group_hits(hits, np.ones(4), min_neighbors=3)) == 0

    def test_same_groups_as_opencv(self):
        rng = np.random.default_rng(0)
        centres = rng.integers(0, 2000, (40, 2)).repeat(5, axis=0)
        hits = np.hstack([centres + rng.integers(-2, 3, (200, 2)), np.full((200, 2), 60)])
        theirs, _ = cv2.groupRectangles(hits.tolist(), 2, 0.2)
        ours = group_hits(hits, np.ones(200), 2).boxes
        # both drop boxes inside others, by different rules; far apart there are none
        assert (iou(ours, np.asarray(theirs)).max(axis=1) > 0.85).all()
        assert len(ours) == len(theirs)

    def test_a_chain_is_one_group(self):
        hits = np.array([[i, 0, 24, 24] for i in range(200)])
        found = group_hits(hits, np.ones(200), 1)
        np.testing.assert_allclose(found.boxes, [[99.5, 0, 24, 24]])

    def test_weaker_box_inside_a_better_one_goes(self):
        hits = [[0, 0, 100, 100]] * 3 + [[30, 30, 30, 30]] * 2
        assert len(group_hits(hits, np.ones(5), 1)) == 1


class _FakeNetwork:
    rows = None

    def setInputSize(self, size):  # noqa: N802
        self.size = size

    def setScoreThreshold(self, least):  # noqa: N802
        self.least = least

    def detect(self, image):
        assert image.shape == (self.size[1], self.size[0], 3)
        return 1, self.rows


class TestYuNet:
    def test_missing_file_says_how_to_get_it(self, tmp_path):
        path = tmp_path / "a folder" / "none.onnx"
        with pytest.raises(ModelError, match=r"there is no model file .*none\.onnx") as caught:
            YuNetDetector(path)
        command = re.search("(curl .*) \\(its sha256 is [0-9a-f]{64}\\)", str(caught.value))
        assert command and shlex.split(command[1])[-2:] == [str(path), URL]
        assert URL.startswith("https://github.com/opencv/opencv_zoo/") and SHA256 in str(caught.value)

    def test_other_file_is_refused(self, tmp_path, capfd):
        path = tmp_path / "bad.onnx"
        path.write_bytes(b"not a network")
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            YuNetDetector(path)

    @pytest.fixture
    def detector(self, tmp_path, monkeypatch):
        path = tmp_path / "yunet.onnx"
        path.touch()
        network = _FakeNetwork()
        monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *args: network)
        return YuNetDetector(path, min_size=10, box_adjustment=BoxAdjustment()), network

    def test_rows_become_ranked_boxes(self, detector):
        yunet, network = detector
        network.rows = np.zeros((3, 15), np.float32)
        network.rows[:, :4] = [[1, 2, 30, 40], [5, 6, 70, 80], [0, 0, 5, 50]]
        network.rows[:, 14] = [0.7, 0.9, 0.95]
        found = yunet.detect(np.zeros((48, 64), np.uint8))
        np.testing.assert_allclose(found.boxes, [[5, 6, 70, 80], [1, 2, 30, 40]])
        np.testing.assert_allclose(found.scores, [0.9, 0.7])
        assert network.least == 0.6

    @pytest.mark.parametrize(("width", "height", "factor"), [(32, 24, 2), (128, 96, 0.5), (64, 48, 1)])
    @pytest.mark.parametrize("channels", [(), (3,)])
    def test_a_picture_is_brought_to_a_width_and_boxes_back(self, tmp_path, detector, width, height, factor, channels):
        _, network = detector
        yunet = YuNetDetector(tmp_path / "yunet.onnx", width=width, min_size=10, box_adjustment=BoxAdjustment())
        network.rows = np.zeros((2, 15), np.float32)
        network.rows[:, :4] = np.array([[4, 6, 12, 16], [4, 6, 9, 16]]) / factor  # min_size is of the picture's pixels
        assert yunet.detect(np.zeros((48, 64, *channels), np.uint8)).boxes.tolist() == [[4, 6, 12, 16]]
        assert network.size == (width, height)

    def test_the_smallest_picture_has_a_height_at_any_width(self, tmp_path, detector):
        yunet = YuNetDetector(tmp_path / "yunet.onnx", width=1)
        assert len(yunet.detect(np.zeros((2, 100), np.uint8))) == 0

    @pytest.mark.parametrize(
        ("shape", "size"),
        [
            ((5000, 1), (1, 5000)),
            ((2560, 100), (100, 2560)),
            ((1280, 100), (200, 2560)),
            ((400, 100), (640, 2560)),
            ((64000, 1280), (640, 32000)),  # made smaller, however high
            ((1, 100), (640, 6)),
        ],
    )
    def test_a_narrow_picture_is_enlarged_to_a_bounded_height(self, tmp_path, detector, shape, size):
        _, network = detector
        yunet = YuNetDetector(tmp_path / "yunet.onnx", width=640, box_adjustment=BoxAdjustment())
        network.rows = np.zeros((1, 15), np.float32)
        network.rows[:, 2:4] = size
        assert yunet.detect(np.zeros(shape, np.uint8)).boxes.tolist() == [[0, 0, shape[1], shape[0]]]
        assert network.size == size

    @pytest.mark.parametrize("width", [0, -640])
    def test_an_impossible_width_is_refused(self, tmp_path, detector, width):
        with pytest.raises(ModelError, match="width must be 1 pixel or more"):
            YuNetDetector(tmp_path / "yunet.onnx", width=width)

    def test_none_is_an_empty_result(self, detector):
        yunet, _ = detector
        assert yunet.detect(np.zeros((48, 64, 3), np.uint8)).boxes.shape == (0, 4)
        with pytest.raises(ImageError):
            yunet.detect(np.zeros((48, 64), np.float32))


def test_detections_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(3, np.float32))


def test_import_brings_what_finding_faces_takes_and_no_more():
    heavy = "torch pandas hydra omegaconf rich onnxruntime"
    code = f"import sys, cascade; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
