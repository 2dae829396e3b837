"""A stand-in for the file of a convolutional cascade: it finds what is bright, or faces that are known."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from cascade.detectors.convolutional import METADATA_KEY

DESCRIPTION: dict[str, Any] = {
    "format": 1,
    "name": "bright",
    "window": [21, 24],
    "stages": 3,
    "min_size": 4.0,
    "threshold": 0.5,
    "max_windows": 1000,
    "about": {"trained": "never"},
}


def bright_model(description: Mapping[str, Any] = DESCRIPTION, boxes: npt.ArrayLike | None = None) -> onnx.ModelProto:
    """A graph that finds one box around the pixels above 200, and its left half with half the score.

    The score is the mean of these pixels, 0 to 1. `threshold` drops faces by it, `min_size` by the width; of the
    two boxes, as many are looked at as `max_windows` says. `boxes` (N, 4), N from 0 on, are found in place of the two,
    with scores that fall evenly to the half, wherever there is such a pixel.
    """
    places = np.zeros((2, 4), np.float32) if boxes is None else np.asarray(boxes, np.float32).reshape(-1, 4)
    constants = {
        "bright_from": np.float32(200),
        "white": np.float32(255),
        "first": np.int64([0]),
        "one": np.int64([1]),
        "least": np.float32(1e-6),
        "halves": np.float32([[1, 1, 1, 1], [1, 1, 0.5, 1]]) if boxes is None else np.zeros_like(places),
        "places": places,
        "shares": np.linspace(1, 0.5, len(places), dtype=np.float32),
        "box": np.int64([1, 4]),
        "width": np.int64(2),
        "rows": np.int64([0]),
        "columns": np.int64([1]),
        "all": np.int64([0, 1]),
    }

    def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs.split(), output.split(), **attributes)

    nodes = [
        node("Cast", "picture", "gray", to=TensorProto.FLOAT),
        node("Greater", "gray bright_from", "is_bright"),
        node("Cast", "is_bright", "bright", to=TensorProto.FLOAT),
    ]
    for axis, reduced, start, size in (("columns", "rows", "x", "w"), ("rows", "columns", "y", "h")):
        nodes += [
            node("ReduceSum", f"bright {reduced}", f"{axis}_light", keepdims=0),
            node("Sign", f"{axis}_light", f"{axis}_bright"),
            node("ArgMax", f"{axis}_bright", f"{start}_first", axis=0, keepdims=1),
            node("ArgMax", f"{axis}_bright", f"{start}_last", axis=0, keepdims=1, select_last_index=1),
            node("Add", f"{start}_last one", f"{start}_end"),
            node("Sub", f"{start}_end {start}_first", size),
        ]
    nodes += [
        node("Concat", "x_first y_first w h", "corners", axis=0),
        node("Cast", "corners", "sides", to=TensorProto.FLOAT),
        node("Reshape", "sides box", "face"),
        node("Mul", "face halves", "crops"),  # a name that a joined graph has, as are gray, found and probabilities
        node("Add", "crops places", "candidates"),
        node("Mul", "gray bright", "lit"),
        node("ReduceSum", "lit all", "light", keepdims=0),
        node("ReduceSum", "bright all", "count", keepdims=0),
        node("Max", "count least", "divisor"),
        node("Div", "light divisor", "mean"),
        node("Div", "mean white", "brightness"),
        node("Mul", "brightness shares", "probabilities"),
        node("Reshape", "max_windows one", "most"),
        node("Slice", "candidates first most rows", "found"),
        node("Slice", "probabilities first most rows", "found_scores"),
        node("Gather", "found width", "widths", axis=1),
        node("GreaterOrEqual", "widths min_size", "large"),
        node("Max", "threshold least", "least_score"),
        node("GreaterOrEqual", "found_scores least_score", "sure"),
        node("And", "large sure", "kept"),
        node("Compress", "found kept", "boxes", axis=0),
        node("Compress", "found_scores kept", "scores", axis=0),
    ]
    defaults = {
        "min_size": np.float32(DESCRIPTION["min_size"]),
        "threshold": np.float32(DESCRIPTION["threshold"]),
        "max_windows": np.int64(DESCRIPTION["max_windows"]),
    }
    graph = helper.make_graph(
        nodes,
        "bright",
        [
            helper.make_tensor_value_info("picture", TensorProto.UINT8, ["height", "width"]),
            helper.make_tensor_value_info("min_size", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("threshold", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("max_windows", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["faces", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["faces"]),
        ],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in (constants | defaults).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {METADATA_KEY: json.dumps(dict(description))})
    onnx.checker.check_model(model, full_check=True)
    return model


def write_bright(path: Path, description: Mapping[str, Any] = DESCRIPTION, boxes: npt.ArrayLike | None = None) -> Path:
    """Write that graph to a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bright_model(description, boxes).SerializeToString())
    return path
