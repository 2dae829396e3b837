"""The detector as one ONNX file, from picture to boxes, that runs without torch."""

import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from cascade.convolutional.graph import CascadeGraph
from cascade.detectors.convolutional import METADATA_KEY
from cascade.pictures import Image
from cascade.quantization import quantized

Inputs = dict[str, npt.NDArray[Any]]

OPSET = 16  # the first with RoiAlign's half-pixel mode
_LARGE = 256  # numbers from which weights are kept in half precision


def to_onnx(
    graph: CascadeGraph, defaults: Mapping[str, float], about: Mapping[str, Any], pictures: Iterable[Image] = ()
) -> bytes:
    """The detector as an ONNX file.

    Args:
        graph: the detector.
        defaults: of `min_size`, `threshold` and `max_windows`, which a caller need not give.
        about: what the file says of itself, as JSON under `METADATA_KEY`.
        pictures: gray ones, for a detector whose convolutions compute in 8 bits, by the ranges that these tell.
    """
    inputs: Inputs = {
        "min_size": np.array(defaults["min_size"], np.float32),
        "threshold": np.array(defaults["threshold"], np.float32),
        "max_windows": np.array(defaults["max_windows"], np.int64),
    }
    model = _smaller(_optimised(_traced(graph, inputs, ("boxes", "scores"))))
    for name, value in inputs.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.doc_string = "Finds faces: a gray picture, uint8 (H, W), to boxes (N, 4) x, y, width, height and scores (N,)."
    helper.set_model_props(model, {METADATA_KEY: json.dumps({**about, **defaults})})
    onnx.checker.check_model(model)
    whole = bytes(model.SerializeToString())
    examples = list(pictures)
    return in_8_bits(whole, examples) if examples else whole


def in_8_bits(detector: bytes, pictures: Iterable[Image]) -> bytes:
    """A detector's file whose convolutions compute in 8 bits, by the ranges that gray pictures tell."""
    model = onnx.load_from_string(quantized(detector, ({"picture": picture} for picture in pictures)))
    return bytes(_smaller(model).SerializeToString())


class _Undecided(nn.Module):
    """The detector up to its decision."""

    def __init__(self, graph: CascadeGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, picture: Tensor, min_size: Tensor, max_windows: Tensor) -> tuple[Tensor, Tensor]:
        return self.graph.windows(picture, min_size, max_windows)


def open_session(graph: CascadeGraph) -> Any:
    """An ONNX Runtime session of the detector up to its decision: windows (M, 3) and the stages' logits (M, stages).

    It takes `picture`, `min_size` and `max_windows`.
    """
    import onnxruntime

    inputs: Inputs = {"min_size": np.array(20, np.float32), "max_windows": np.array(100, np.int64)}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    model = _traced(_Undecided(graph), inputs, ("windows", "logits"))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _traced(module: nn.Module, inputs: Inputs, outputs: Sequence[str]) -> bytes:
    example = (torch.zeros(120, 160, dtype=torch.uint8), *(torch.from_numpy(value) for value in inputs.values()))
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    written: Any = io.BytesIO()
    exporter.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's and the exporter's own deprecation
        # not `dynamo`: it has no RoiAlign and no NonMaxSuppression with sizes known only when it runs
        torch.onnx.export(
            module.eval(),
            example,
            written,
            dynamo=False,
            opset_version=OPSET,
            input_names=["picture", *inputs],
            output_names=list(outputs),
            dynamic_axes={"picture": {0: "height", 1: "width"}, **{name: {0: "objects"} for name in outputs}},
        )
    exporter.setLevel(level)
    return bytes(written.getvalue())


def _optimised(model: bytes) -> onnx.ModelProto:
    """With what is constant computed: half the nodes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # standard operators alone
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _smaller(model: onnx.ModelProto) -> onnx.ModelProto:
    """With weights in half precision, which are made single again when the file is loaded."""
    nodes = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= _LARGE:
            half = f"{tensor.name}.half"
            nodes.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
    for node in (*nodes, *model.graph.node):
        node.doc_string = ""
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    del model.graph.value_info[:]
    used = [one for one in model.opset_import if one.domain == ""]  # ONNX Runtime lists all that it knows
    del model.opset_import[:]
    model.opset_import.extend(used)
    return model
