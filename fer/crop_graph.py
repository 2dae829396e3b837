"""`fer.crop.crop_faces` in ONNX operators: the same squares, the same sampling, the same rounding. Needs onnx.

One byte in 100,000 may come out a level off: where 32-bit sums in another order end on the other side of a half.
"""

from string import Template
from typing import TYPE_CHECKING

from fer.crop import Crop
from fer.preprocessing import NUDGE, Preprocessing

if TYPE_CHECKING:
    import onnx

# Below the squares (faces, 3) that `Crop.squares` computes. What of one lies in the picture, a pixel at least, is cut
# out, and its border repeated. Areas are averaged by a matrix with a row per pixel made and a column per pixel read,
# which holds their overlap in whole numbers: of `side` columns every one is `kept` wide, of `kept` rows every one
# `side`. Then it is enlarged by a matrix of the weights of linear interpolation. Either is the identity where its sizes
# are equal.
_TEXT = Template("""
<ir_version: 10, opset_import: ["" : 18]>
crop (uint8[height, width] picture, float[faces, 4] boxes) => (uint8[faces, 1, $size, $size] crops)
<
  double scale = {$scale}, double dx_share = {$dx}, double dy_share = {$dy}, double two = {2}, double one = {1},
  int64[2] corner = {0, 0}, int64[2] unit = {1, 1}, int64 zero = {0}, int64 step = {1},
  int64[1] first = {0}, int64[2] column = {-1, 1}, bool going = {1},
  int64 size = {$size}, int64 least = {$least}, float nudge = {$nudge}, float black = {0}, float whole = {1},
  float half = {0.5}, float made = {$size}
>
{
  exact = Cast <to = 11> (boxes)
  x, y, w, h = Split <axis = 1, num_outputs = 4> (exact)
  both = Add (w, h)
  mean = Div (both, two)
  scaled = Mul (mean, scale)
  rounded = Round (scaled)
  length = Max (rounded, one)
  half_length = Div (length, two)
  half_w = Div (w, two)
  middle_x = Add (x, half_w)
  shift_x = Mul (mean, dx_share)
  centre_x = Add (middle_x, shift_x)
  start_x = Sub (centre_x, half_length)
  left = Round (start_x)
  half_h = Div (h, two)
  middle_y = Add (y, half_h)
  shift_y = Mul (mean, dy_share)
  centre_y = Add (middle_y, shift_y)
  start_y = Sub (centre_y, half_length)
  top = Round (start_y)
  whole_corners = Concat <axis = 1> (top, left)
  corners = Cast <to = 7> (whole_corners)
  sides = Cast <to = 7> (length)

  extent = Shape (picture)
  last = Sub (extent, unit)
  ends = Add (corners, sides)
  from_zero = Max (corners, corner)
  cut_starts = Min (from_zero, last)
  from_one = Max (ends, unit)
  cut_ends = Min (from_one, extent)
  outside = Neg (corners)
  some_before = Max (outside, corner)
  most_before = Sub (sides, unit)
  before = Min (some_before, most_before)
  cut_sizes = Sub (cut_ends, cut_starts)
  not_after = Add (before, cut_sizes)
  after = Sub (sides, not_after)
  margins = Concat <axis = 1> (before, after)

  shape = Shape (boxes)
  count = Gather (shape, zero)
  crops = Loop (count, going) <body = each (int64 index, bool go) => (bool going_on, uint8[1, $size, $size] crop) {
    going_on = Identity (go)
    cut_start = Gather (cut_starts, index)
    cut_end = Gather (cut_ends, index)
    margin = Gather (margins, index)
    side_of_one = Gather (sides, index)
    side = Squeeze (side_of_one)
    part = Slice (picture, cut_start, cut_end)
    square = Pad <mode = "edge"> (part, margin)
    pixels = Cast <to = 1> (square)
    kept = Min (side, least)
    read = Cast <to = 1> (side)
    small = Cast <to = 1> (kept)

    read_at = Range (zero, side, step)
    read_index = Cast <to = 1> (read_at)
    kept_at = Range (zero, kept, step)
    kept_index = Cast <to = 1> (kept_at)
    kept_row = Reshape (kept_index, column)
    column_start = Mul (read_index, small)
    column_end = Add (column_start, small)
    row_start = Mul (kept_row, read)
    row_end = Add (row_start, read)
    overlap_start = Max (column_start, row_start)
    overlap_end = Min (column_end, row_end)
    overlap = Sub (overlap_end, overlap_start)
    areas = Relu (overlap)
    areas_turned = Transpose <perm = [1, 0]> (areas)
    rows_averaged = MatMul (areas, pixels)
    sums = MatMul (rows_averaged, areas_turned)
    area = Mul (read, read)
    averages = Div (sums, area)
    averages_nudged = Add (averages, nudge)
    averaged = Round (averages_nudged)

    made_at = Range (zero, size, step)
    made_index = Cast <to = 1> (made_at)
    made_row = Reshape (made_index, column)
    made_middle = Add (made_row, half)
    made_share = Mul (made_middle, small)
    kept_middle = Div (made_share, made)
    anywhere = Sub (kept_middle, half)
    last_kept = Sub (small, whole)
    position = Clip (anywhere, black, last_kept)
    distance = Sub (position, kept_index)
    apart = Abs (distance)
    near = Sub (whole, apart)
    weights = Relu (near)
    weights_turned = Transpose <perm = [1, 0]> (weights)
    rows_enlarged = MatMul (weights, averaged)
    enlarged = MatMul (rows_enlarged, weights_turned)
    enlarged_nudged = Add (enlarged, nudge)
    levels = Round (enlarged_nudged)
    bytes = Cast <to = 2> (levels)
    crop = Unsqueeze (bytes, first)
  }>
}
""")


def crop_graph(crop: Crop, preprocessing: Preprocessing) -> "onnx.ModelProto":
    """The crop of faces as a model, opset 18.

    Its inputs are `picture`, gray, uint8 (height, width), and `boxes`, float32 (N, 4), as `crop_faces` takes them; its
    output is `crops`, uint8 (N, 1, size, size). N may be 0.
    """
    import onnx

    size = preprocessing.size
    least = min(size, preprocessing.detail or size)
    text = _TEXT.substitute(size=size, least=least, nudge=NUDGE, scale=crop.scale, dx=crop.dx, dy=crop.dy)
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model, full_check=True)
    return model
