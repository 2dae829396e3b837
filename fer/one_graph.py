"""A face detector and an expression network in one ONNX graph: a picture in; boxes, scores and probabilities out."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cascade.detectors.convolutional import METADATA_KEY as DETECTOR_KEY
from cascade.detectors.convolutional import ConvolutionalDetector, graph_settings
from cascade.drawn.scenes import render_scene
from cascade.errors import ModelError
from cascade.files import whole
from cascade.onnx import OnnxGraph
from cascade.pictures import Image, to_gray
from fer.crop import crop_faces
from fer.crop_graph import crop_graph
from fer.inference.classifier import OnnxClassifier
from fer.labels import COLOURS
from fer.model_info import METADATA_KEY, ModelInfo

if TYPE_CHECKING:
    import onnx

PICTURE_KEY = "picture"
"""The key in a file's metadata of what the picture must be; descriptions of models have their own."""

OPSET = 18
"""The version of ONNX's operators that exports have and that today's runtimes, those of browsers too, know."""

PICTURES = {
    False: "uint8 (height, width), gray: of colours (9798 R + 19235 G + 3735 B + 16384) >> 15",
    True: "uint8 (height, width, channels), RGB or RGBA",
}
"""What the picture must be, gray or in colour."""

TOLERANCE = {False: 1e-3, True: 1e-2}
"""The largest difference of a probability from what the parts say: a byte of a face in 100,000 is rounded otherwise, of
which models that compute in 8 bits, True, make more."""

# OpenCV's 0.299, 0.587 and 0.114 in whole parts of 32768: 32-bit numbers hold the sums exactly. (A convolution is twice
# as fast as the product of matrices.)
_GRAY = """
<ir_version: 10, opset_import: ["" : 18]>
gray (uint8[height, width, channels] picture) => (uint8[height, width] gray)
<int64[1] first = {0}, int64[1] end = {3}, int64[1] axis = {2}, int64[2] ones = {0, 1}, float whole = {32768},
 float[1, 3, 1, 1] weights = {9798, 19235, 3735}, float[1] half = {16384}>
{
  colours = Slice (picture, first, end, axis)
  planes = Transpose <perm = [2, 0, 1]> (colours)
  levels = Cast <to = 1> (planes)
  batch = Unsqueeze (levels, first)
  sums = Conv (batch, weights, half)
  shares = Div (sums, whole)
  bytes = Cast <to = 2> (shares)
  gray = Squeeze (bytes, ones)
}
"""

# `BoxAdjustment.apply`
_ADJUST = Template("""
<ir_version: 10, opset_import: ["" : 18]>
adjust (float[faces, 4] found) => (float[faces, 4] boxes)
<double middle_x = {$middle_x}, double middle_y = {$middle_y}, double width = {$width}, double height = {$height},
 double two = {2}>
{
  exact = Cast <to = 11> (found)
  x, y, w, h = Split <axis = 1, num_outputs = 4> (exact)
  to_middle_x = Mul (w, middle_x)
  to_middle_y = Mul (h, middle_y)
  centre_x = Add (x, to_middle_x)
  centre_y = Add (y, to_middle_y)
  wide = Mul (w, width)
  high = Mul (h, height)
  half_wide = Div (wide, two)
  half_high = Div (high, two)
  left = Sub (centre_x, half_wide)
  top = Sub (centre_y, half_high)
  adjusted = Concat <axis = 1> (left, top, wide, high)
  boxes = Cast <to = 1> (adjusted)
}
""")


def one_graph(
    detector: ConvolutionalDetector, classifier: OnnxClassifier, colour: bool = False, optional: bool = True
) -> "onnx.ModelProto":
    """Join a detector, the crop that the classifier's model carries, and that model.

    The graph takes `picture` and, where given, the detector's `min_size`, `threshold` and `max_windows`. It gives the
    canonical `boxes` (N, 4), `scores` (N,), and `probabilities` (N, classes), float32; N may be 0. The
    descriptions of both models are in its metadata.

    Args:
        detector: its file, and what leads from its boxes to canonical ones.
        classifier: an exported model.
        colour: the picture has channels, RGB or RGBA; else it is gray.
        optional: the detector's settings may be left out: they are its file's then; else they must be given.

    Raises:
        ModelError: the detector has operators that others need not know.
    """
    import onnx

    cascade, network = _readable(detector.path), onnx.load(classifier.path)
    crop = crop_graph(classifier.info.crop, classifier.info.preprocessing)
    info, adjustment = detector.info, detector.box_adjustment
    factors = {"width": adjustment.width, "height": adjustment.height}
    adjust = onnx.parser.parse_model(
        _ADJUST.substitute(factors, middle_x=0.5 + adjustment.dx, middle_y=0.5 + adjustment.dy)
    )
    given, made, gray = network.graph.input[0].name, network.graph.output[0].name, "gray" if colour else "picture"
    settings = graph_settings(info.min_size, info.threshold, info.max_windows)
    own = {name: name for name in (*settings, "scores")}
    parts = [
        _named(cascade, "detector/", {"picture": gray, **own, "boxes": "found"}),
        _named(adjust, "adjust/", {"found": "found", "boxes": "boxes"}),
        _named(crop, "crop/", {"picture": gray, "boxes": "boxes", "crops": "crops"}),
        _named(network, "network/", {given: "crops", made: "probabilities"}),
    ]
    if colour:
        parts.insert(0, _named(onnx.parser.parse_model(_GRAY), "gray/", {"picture": "picture", "gray": "gray"}))
    inputs = {value.name: value for part in reversed(parts) for value in part.input}
    outputs = {value.name: value for part in parts for value in part.output}
    outputs["probabilities"].type.tensor_type.shape.dim[0].dim_param = "faces"
    weights = [one for part in parts for one in part.initializer if one.name not in settings]
    defaults = [onnx.numpy_helper.from_array(value, name) for name, value in settings.items() if optional]
    joined = onnx.helper.make_graph(
        [node for part in parts for node in part.node],
        "faces_and_expressions",
        [inputs[name] for name in ("picture", *settings)],
        [outputs[name] for name in ("boxes", "scores", "probabilities")],
        weights + defaults,
    )
    model = onnx.helper.make_model(joined, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    model.ir_version = max(one.ir_version for one in (cascade, crop, network))
    model.doc_string = "A picture to its faces, boxes x, y, width, height in pixels, and their expressions."
    about = {one.key: one.value for one in cascade.metadata_props if one.key == DETECTOR_KEY}
    about |= {METADATA_KEY: json.dumps(classifier.info.to_dict()), PICTURE_KEY: PICTURES[colour]}
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    return model


def join(
    detector: Path, classifier: OnnxClassifier, output: Path, colour: bool = False, optional: bool = True
) -> tuple[int, float]:
    """Write a detector and a classifier as one graph, see `one_graph`, after comparing it with the two in Python.

    Returns:
        The number of faces, of drawn scenes, that were compared, and the largest difference of a probability.

    Raises:
        ModelError: no such cascade, one that cannot be joined, or the graph differs; nothing was written.
        OutputError: it cannot be written.
    """
    import onnx

    as_it_is = ConvolutionalDetector(detector, threads=1)
    lax = ConvolutionalDetector(detector, threshold=0, max_windows=64, threads=1)
    content = one_graph(as_it_is, classifier, colour, optional).SerializeToString()
    info, count, apart = classifier.info, 0, 0.0
    tolerance = TOLERANCE[any(node.op_type == "QuantizeLinear" for node in onnx.load(classifier.path).graph.node)]
    with whole(output) as part:
        part.write_bytes(content)
        joined = OnnxGraph(part, threads=1)
        for image in _pictures():
            gray = to_gray(image)
            picture = np.ascontiguousarray(image[..., ::-1]) if colour else gray
            for alone in (as_it_is, lax):
                settings = graph_settings(alone.info.min_size, alone.threshold, alone.max_windows)
                boxes, scores, probabilities = joined.run({"picture": picture, **settings})
                found = alone.detect(gray)
                if not (_equal(boxes, found.boxes) and _equal(scores, found.scores)):
                    raise ModelError(
                        f"the joined graph finds other faces than {detector}, or in another order; nothing was written"
                    )
                own = classifier.probabilities(crop_faces(gray, boxes, info.crop, info.preprocessing))
                count += len(boxes)
                apart = float(np.max(np.abs(probabilities - own), initial=apart))
        if not apart <= tolerance:
            raise ModelError(
                f"the joined graph's probabilities differ by up to {apart:.2e}, more than {tolerance:.0e}, "
                "from its parts'; nothing was written"
            )
    return count, apart


def _equal(made: NDArray[np.float32], wanted: NDArray[np.float32]) -> bool:
    return made.shape == wanted.shape and np.allclose(made, wanted, atol=1e-4)


def describe_pipeline(detector: Path, info: ModelInfo, colour: bool) -> dict[str, Any]:
    """What one must know of a joined file to use it, as plain values: for runtimes that cannot read its metadata."""
    settings = ConvolutionalDetector(detector).info
    return {
        "picture": PICTURES[colour],
        "classes": list(info.preprocessing.classes),
        "unsure_below": info.unsure_below,
        "colours": {name: COLOURS[name] for name in info.preprocessing.classes if name in COLOURS},
        **{name: getattr(settings, name) for name in ("min_size", "threshold", "max_windows")},
    }


def _pictures() -> Iterator[Image]:
    """Pictures with faces, without one, and with a single pixel, BGR."""
    yield from (render_scene(0, index, n_faces=2).image for index in range(2))
    yield np.random.default_rng(0).integers(0, 256, (61, 97, 3), np.uint8)
    yield np.zeros((1, 1, 3), np.uint8)


def _readable(path: Path) -> "onnx.ModelProto":
    """A checked cascade's graph, of the operators that exports have."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    opsets = {one.domain: one.version for one in model.opset_import}
    if set(opsets) != {""} or opsets[""] > OPSET:
        raise ModelError(f"{path} cannot be joined: its operators are {opsets}, not ONNX's own up to version {OPSET}")
    return model if opsets[""] == OPSET else onnx.version_converter.convert_version(model, OPSET)


def _named(model: "onnx.ModelProto", prefix: str, names: Mapping[str, str]) -> "onnx.GraphProto":
    """A model's graph with a prefix before every name but those of `names`, which gives them new ones."""
    _rename(model.graph, prefix, names)
    return model.graph


def _rename(graph: "onnx.GraphProto", prefix: str, names: Mapping[str, str]) -> None:
    # onnx.compose has the same, but forgets initializers that are used in a loop's body
    def new(name: str) -> str:
        return names.get(name, prefix + name) if name else name

    for node in graph.node:
        node.name = node.name and prefix + node.name
        node.input[:], node.output[:] = map(new, node.input), map(new, node.output)
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(inner, prefix, names)
    for one in (*graph.input, *graph.output, *graph.initializer, *(one.values for one in graph.sparse_initializer)):
        one.name = new(one.name)
    del graph.value_info[:]
