"""A stand-in for a convolutional cascade: the interface of one, and faces that are known."""

import json
from pathlib import Path

import numpy as np
import onnx

ABOUT = {"format": 1, "name": "stand_in", "window": [24, 24], "stages": 1, "min_size": 2.0, "threshold": 0.1}
ABOUT |= {"max_windows": 64, "about": {}}

# The names inside are those that a joined graph has, too
_TEXT = """
<ir_version: 8, opset_import: ["" : %d]>
stand_in (uint8[height, width] picture, float min_size, float threshold, int64 max_windows)
  => (float[faces, 4] boxes, float[faces] scores)
<float min_size = {2}, float threshold = {0.1}, int64 max_windows = {64}, float white = {255}, int64[1] first = {0},
 int64[1] column = {1}, int64[1] only = {2}, int64[1] next = {3}>
{
  crops = Cast <to = 1> (picture)
  gray = ReduceMean <keepdims = 0> (crops)
  share = Div (gray, white)
  each = Mul (shares, share)
  sure = GreaterOrEqual (each, threshold)
  columns = Slice (all, only, next, column)
  found = Squeeze (columns, column)
  large = GreaterOrEqual (found, min_size)
  wanted = And (sure, large)
  some = Compress <axis = 0> (all, wanted)
  probabilities = Compress <axis = 0> (each, wanted)
  end = Reshape (max_windows, column)
  boxes = Slice (some, first, end)
  scores = Slice (probabilities, first, end)
}
"""


def write_detector(path: Path, boxes: np.ndarray, opset: int = 18) -> Path:
    """Write a detector that finds the boxes (N, 4) in every picture, with less sureness the darker it is.

    A face goes whose score is below `threshold` or whose width is below `min_size`; of the others the first
    `max_windows` are left. In a black picture there is none.
    """
    model = onnx.parser.parse_model(_TEXT % opset)
    shares = np.linspace(1, 0.5, len(boxes), dtype=np.float32)
    values = {"all": np.asarray(boxes, np.float32).reshape(-1, 4), "shares": shares}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in values.items())
    onnx.helper.set_model_props(model, {"convolutional_cascade": json.dumps(ABOUT)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path
