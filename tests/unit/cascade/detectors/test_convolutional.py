import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cascade import BoxAdjustment, ConvolutionalDetector
from cascade.detectors import names as names_module
from cascade.detectors.convolutional import METADATA_KEY, ConvolutionalInfo
from cascade.errors import ImageError, ModelError
from tests.convolutional_model import DESCRIPTION, bright_model, write_bright


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    """The file of a detector of what is bright."""
    return write_bright(tmp_path_factory.mktemp("detector") / "bright.onnx")


@pytest.fixture
def picture():
    """A bright face 20 pixels wide, to which the detector gives 0.8, and its left half 0.4."""
    picture = np.full((100, 80, 3), 60, np.uint8)
    picture[20:60, 30:50] = 204
    return picture


def saved(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def changed(path, change):
    """The stand-in, changed, as a file."""
    model = bright_model()
    change(model.graph)
    return saved(path, model)


def described(path, **values):
    return write_bright(path, {key: value for key, value in (DESCRIPTION | values).items() if value is not ...})


class TestSettings:
    def test_the_model_s_own_are_the_default(self, bright, picture):
        detector = ConvolutionalDetector(bright)
        assert (detector.threshold, detector.max_windows) == (0.5, 1000)
        assert detector.info == ConvolutionalInfo("bright", (21, 24), 3, 4.0, 0.5, 1000, {"trained": "never"})
        found = detector.detect(picture)
        np.testing.assert_array_equal(found.boxes, [[30, 20, 20, 40]])
        np.testing.assert_allclose(found.scores, [0.8])

    def test_a_description_of_other_defaults_is_what_counts(self, tmp_path, picture):
        """So that what is reported of a detector is what it does."""
        path = described(tmp_path / "lax.onnx", threshold=0.1, max_windows=7)
        assert len(ConvolutionalDetector(path).detect(picture)) == 2

    @pytest.mark.parametrize(
        ("settings", "widths"),
        [
            ({"threshold": 0.3}, [20, 10]),
            ({"threshold": 0.3, "max_windows": 1}, [20]),
            ({"threshold": 0.9}, []),
            ({"threshold": 0}, [20, 10]),
            ({"threshold": 0.3, "min_size": 11}, [20]),
            ({"threshold": 0.3, "min_size": 10}, [20, 10]),
            ({"threshold": 0.3, "min_size": 0.13}, [20, 10]),  # of the shorter side, 80
            ({"threshold": 0.3, "min_size": 0.2}, [20]),
            ({"min_size": 21}, []),
        ],
    )
    def test_they_reach_the_graph(self, bright, picture, settings, widths):
        assert ConvolutionalDetector(bright, **settings).detect(picture).boxes[:, 2].tolist() == widths

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"min_size": 0}, "min_size"),
            ({"min_size": 1.5}, "share"),
            ({"threshold": -0.1}, "threshold must be from 0 to 1, not -0.1"),
            ({"threshold": float("nan")}, "threshold"),
            ({"max_windows": 0}, "max_windows must be 1 or more"),
            ({"max_windows": 2**63}, "max_windows"),
            ({"threads": 0}, "threads"),
        ],
    )
    def test_impossible_ones_are_refused(self, bright, settings, message):
        with pytest.raises(ModelError, match=message):
            ConvolutionalDetector(bright, **settings)

    def test_opencv_s_threads_are_its_threads(self, bright, picture):
        before = cv2.getNumThreads()
        try:
            for count, wanted in ((1, 1), (2, 2), (5, 2)):
                cv2.setNumThreads(count)
                shared, own = ConvolutionalDetector(bright), ConvolutionalDetector(bright, threads=3)
                shared.detect(picture), own.detect(picture)
                assert [list(one._graphs) for one in (shared, own)] == [[wanted], [3]]
            cv2.setNumThreads(1)
            shared.detect(picture)
            assert list(shared._graphs) == [2, 1]
        finally:
            cv2.setNumThreads(before)


class TestPictures:
    @pytest.mark.parametrize("image", [None, np.zeros((8, 8), np.float32), np.zeros((0, 8), np.uint8)])
    def test_others_are_refused(self, bright, image):
        with pytest.raises(ImageError):
            ConvolutionalDetector(bright).detect(image)

    def test_colour_is_turned_gray_as_by_the_others(self, bright, picture):
        picture[20:60, 30:50] = (255, 255, 0)  # BGR: 179 in gray
        assert len(ConvolutionalDetector(bright).detect(picture)) == 0
        picture[20:60, 30:50] = (0, 255, 255)  # 226
        assert len(ConvolutionalDetector(bright).detect(picture)) == 1

    def test_many_threads_share_one_that_nobody_has_opened_yet(self, bright, picture):
        detector = ConvolutionalDetector(bright)
        del detector._graphs
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(detector.detect, [picture] * 40))
        assert {tuple(one.boxes[0]) for one in found} == {(30, 20, 20, 40)}


class TestFinding:
    def test_the_released_one_is_found_by_name_once_it_is_there(self, tmp_path, monkeypatch):
        monkeypatch.setattr(names_module, "MODELS", tmp_path)
        with pytest.raises(ModelError, match=rf"'convolutional'.*known are none: {tmp_path} holds no \.onnx"):
            ConvolutionalDetector()
        write_bright(tmp_path / "convolutional.onnx")
        (tmp_path / "convolutional.json").write_text('{"box_adjustment": {"dx": 0.5}}')
        detector = ConvolutionalDetector()
        assert detector.path == tmp_path / "convolutional.onnx"
        assert detector.box_adjustment == BoxAdjustment(dx=0.5)
        with pytest.raises(ModelError, match=r"'convolutionl'.*known are convolutional$"):
            ConvolutionalDetector("convolutionl")

    def test_file_and_result_folder(self, tmp_path, picture):
        folder = tmp_path / "my training"
        write_bright(folder / "detector.onnx")
        (folder / "detector.json").write_text('{"box_adjustment": {"dx": 0, "dy": 0, "width": 2, "height": 1}}')
        for model in (folder, str(folder), folder / "detector.onnx"):
            np.testing.assert_array_equal(ConvolutionalDetector(model).detect(picture).boxes, [[20, 20, 40, 40]])
        plain = ConvolutionalDetector(folder, box_adjustment=BoxAdjustment())
        np.testing.assert_array_equal(plain.detect(picture).boxes, [[30, 20, 20, 40]])

    @pytest.mark.parametrize("model", ["alt2", "frontalface_lbp", "opencv_lbp", "gone.onnx", "."])
    def test_what_is_none_of_its_kind_is_not_found(self, tmp_path, monkeypatch, model):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "cascade.xml").touch()
        with pytest.raises(ModelError, match=rf"'{model}'.*detector\.onnx"):
            ConvolutionalDetector(model)

    def test_running_one_imports_neither_torch_nor_onnx(self, bright):
        code = (
            "import sys, numpy as np\n"
            "from cascade import ConvolutionalDetector\n"
            f"assert len(ConvolutionalDetector({str(bright)!r}).detect(np.full((30, 30), 220, np.uint8))) == 1\n"
            "sys.exit(bool({'torch', 'onnx', 'hydra'} & set(sys.modules)))"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _rename(values, old, new):
    for value in values:
        if value.name == old:
            value.name = new


def _set_type(values, name, kind, shape):
    for value in values:
        if value.name == name:
            value.CopyFrom(helper.make_tensor_value_info(name, kind, shape))


def _drop(values, name):
    values.remove(next(value for value in values if value.name == name))


def _external(graph):
    """Let a file of the working folder hold the shares of the scores."""
    shares = next(one for one in graph.initializer if one.name == "shares")
    shares.ClearField("raw_data")
    shares.data_location = TensorProto.EXTERNAL
    shares.external_data.add(key="location", value="shares.bin")


def _fixed_size(graph):
    _set_type(graph.input, "picture", TensorProto.UINT8, [480, 640])


def _colour(graph):
    graph.node.insert(0, helper.make_node("Squeeze", ["colour"], ["picture"]))
    _drop(graph.input, "picture")
    graph.input.insert(0, helper.make_tensor_value_info("colour", TensorProto.UINT8, ["height", "width", 1]))


def _as_type(graph, name, kind, numpy_type):
    """An optional input of another type, cast to what the graph needs."""
    default = next(one for one in graph.initializer if one.name == name)
    needed = default.data_type
    for node in graph.node:
        node.input[:] = [f"{name}_cast" if one == name else one for one in node.input]
    graph.node.insert(0, helper.make_node("Cast", [name], [f"{name}_cast"], to=needed))
    default.CopyFrom(numpy_helper.from_array(numpy_type(1), name))
    _set_type(graph.input, name, kind, [])


def _swap_faces(graph):
    """Boxes of five numbers."""
    graph.node.append(helper.make_node("Concat", ["boxes", "boxes"], ["doubled"], axis=1))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("doubled", TensorProto.FLOAT, ["faces", 8]))
    for node in graph.node:
        node.input[:] = ["narrow" if one == "boxes" else one for one in node.input]
        node.output[:] = [{"boxes": "narrow", "doubled": "boxes"}.get(one, one) for one in node.output]
    graph.output[0].name = "boxes"


class TestHostileFiles:
    """What could be anything is refused before it is used, with its name and what to do."""

    @pytest.mark.parametrize("content", [b"", b"not a network", b"<?xml version='1.0'?>", b"\x08\x09" * 500])
    def test_no_onnx(self, tmp_path, content, capfd):
        path = tmp_path / "bad.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            ConvolutionalDetector(path)
        assert capfd.readouterr().err == ""

    def test_a_cut_one(self, tmp_path, bright):
        path = tmp_path / "cut.onnx"
        path.write_bytes(bright.read_bytes()[:-700])
        with pytest.raises(ModelError, match=r"cut\.onnx is not an ONNX model, or is damaged"):
            ConvolutionalDetector(path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_one_that_may_not_be_read(self, tmp_path):
        path = write_bright(tmp_path / "secret.onnx")
        path.chmod(0)
        with pytest.raises(ModelError, match=r"secret\.onnx cannot be read"):
            ConvolutionalDetector(path)

    def test_weights_in_another_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "shares.bin").write_bytes(np.float32([1, 0.5]).tobytes())
        path = changed(tmp_path / "outside.onnx", _external)
        with pytest.raises(ModelError, match=r"outside\.onnx.*keeps weights in other files"):
            ConvolutionalDetector(path)

    def test_another_kind_of_network(self, tmp_path):
        model = bright_model()
        del model.metadata_props[:]
        with pytest.raises(ModelError, match=r"yunet\.onnx does not say .* detector=yunet"):
            ConvolutionalDetector(saved(tmp_path / "yunet.onnx", model))

    @pytest.mark.parametrize(
        "text",
        [
            "", "no json", "[]", "3", "null", "{}", "[" * 100_000, '{"format": 1}',
            json.dumps(DESCRIPTION | {"format": 2}), json.dumps(DESCRIPTION | {"min_size": float("nan")}),
        ],
        ids=lambda text: text[:20],
    )  # fmt: skip
    def test_a_description_that_is_none(self, tmp_path, text):
        model = bright_model()
        helper.set_model_props(model, {METADATA_KEY: text})
        with pytest.raises(ModelError, match=r"odd\.onnx does not describe its cascade"):
            ConvolutionalDetector(saved(tmp_path / "odd.onnx", model))

    def test_a_description_that_is_no_text(self, tmp_path):
        content = bright_model().SerializeToString().replace(b"never", b"\xff\xfe\xfd\xfc\xfb")
        (tmp_path / "odd.onnx").write_bytes(content)
        with pytest.raises(ModelError, match=r"odd\.onnx"):
            ConvolutionalDetector(tmp_path / "odd.onnx")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("name", 3), ("name", ...), ("about", []), ("about", ...),
            ("window", [24]), ("window", "ab"), ("window", [0, 24]), ("window", [21.5, 24]), ("window", [2**40, 24]),
            ("stages", 0), ("stages", True), ("stages", "3"),
            ("min_size", 0), ("min_size", 10**400),
            ("min_size", None),
            ("threshold", 1.5), ("threshold", True), ("threshold", "high"),
            ("max_windows", 0), ("max_windows", 2**63), ("max_windows", 10.0), ("max_windows", ...),
        ],
    )  # fmt: skip
    def test_values_that_cannot_be(self, tmp_path, key, value):
        with pytest.raises(ModelError, match=rf"odd\.onnx.*{key}"):
            ConvolutionalDetector(described(tmp_path / "odd.onnx", **{key: value}))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (_colour, r"has as inputs colour; it must have picture"),
            (_fixed_size, r"picture is tensor\(uint8\) \[480, 640\]"),
            (lambda g: _drop(g.initializer, "max_windows"), "has as inputs picture, max_windows"),
            (lambda g: _drop(g.input, "threshold"), "has as optional inputs min_size, max_windows"),
            (lambda g: _as_type(g, "min_size", TensorProto.INT64, np.int64), r"min_size is tensor\(int64\)"),
            (lambda g: _as_type(g, "max_windows", TensorProto.INT32, np.int32), r"max_windows is tensor\(int32\)"),
            (lambda g: _drop(g.output, "scores"), "has as outputs boxes; it must have boxes, scores"),
            (lambda g: g.output.append(helper.make_tensor_value_info("w", 7, [1])), "has as outputs boxes, scores, w"),
            (_swap_faces, r"boxes is tensor\(float\) \['faces', 8\]"),
        ],
    )
    def test_another_interface(self, tmp_path, change, message):
        with pytest.raises(ModelError, match=rf"odd\.onnx.*{message}"):
            ConvolutionalDetector(changed(tmp_path / "odd.onnx", change))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("shares", [np.nan, 1]),  # the scores
            ("shares", [3, 1]),
            ("halves", [[np.inf, 1, 1, 1], [1, 1, 1, 1]]),  # the boxes
            ("halves", [[1, 1, 1, 1], [1, np.nan, 1, 1]]),
            ("halves", [[1, 1, 1, -1], [1, 1, 1, 1]]),
        ],
    )
    def test_results_that_cannot_be(self, tmp_path, picture, name, value):
        def replace(graph):
            kept = [one for one in graph.initializer if one.name != name]
            del graph.initializer[:]
            graph.initializer.extend([*kept, numpy_helper.from_array(np.float32(value), name)])
            # whatever the score, the faces are kept
            for node in graph.node:
                if node.op_type == "And":
                    node.CopyFrom(helper.make_node("Or", ["large", "large"], ["kept"]))

        detector = ConvolutionalDetector(changed(tmp_path / "odd.onnx", replace))
        with pytest.raises(ModelError, match=r"odd\.onnx gives boxes"):
            detector.detect(picture)

    def test_as_many_scores_as_boxes(self, tmp_path, picture):
        def change(graph):
            graph.node[-1].input[0] = "probabilities"
            graph.node[-1].input[1] = "none"
            graph.initializer.append(numpy_helper.from_array(np.zeros(2, np.bool_), "none"))

        detector = ConvolutionalDetector(changed(tmp_path / "odd.onnx", change))
        with pytest.raises(ModelError, match=r"odd\.onnx gives boxes"):
            detector.detect(picture)

    def test_one_that_fails_when_it_runs(self, tmp_path, capfd):
        def change(graph):
            graph.initializer.append(numpy_helper.from_array(np.int64([3, 5]), "wrong"))
            graph.node[0].output[0] = "unshaped"
            graph.node.insert(1, helper.make_node("Reshape", ["unshaped", "wrong"], ["gray"]))

        with pytest.raises(ModelError, match=r"odd\.onnx fails with picture \(8, 8\)"):
            ConvolutionalDetector(changed(tmp_path / "odd.onnx", change))
        assert capfd.readouterr().err == ""

    def test_one_that_was_removed_meanwhile(self, tmp_path, picture):
        path = write_bright(tmp_path / "gone.onnx")
        detector = ConvolutionalDetector(path)
        del detector._graphs  # as if it had come out of a pickle
        path.unlink()
        with pytest.raises(ModelError, match=r"gone\.onnx cannot be read"):
            detector.detect(picture)


def test_the_stand_in_is_a_good_model(bright):
    onnx.checker.check_model(str(bright), full_check=True)
