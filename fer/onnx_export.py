"""Writing a checkpoint as an ONNX file that describes itself, and proving that both give the same answers."""

import json
import logging
import timeit
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cascade.errors import ModelError, OutputError
from cascade.files import whole
from fer.checkpoint import can_resume, read_checkpoint, save_network
from fer.inference.checkpoint import CheckpointClassifier
from fer.inference.classifier import Classifier, OnnxClassifier
from fer.model_info import METADATA_KEY, ModelInfo
from fer.preprocessing import Preprocessing


class _WholePath(nn.Module):
    """From the bytes of gray faces to probabilities: nothing is left for the caller to get wrong."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing

    def forward(self, faces: Tensor) -> Tensor:
        """Faces uint8 (N, 1, size, size) to probabilities float32 (N, classes)."""
        return torch.softmax(self.network(self.preprocessing.normalise(faces.float())), dim=1)


def to_onnx(network: nn.Module, info: ModelInfo) -> bytes:
    """A network with its preprocessing, a softmax and its description as an ONNX file; batches are dynamic.

    Args:
        network: takes normalised faces (N, 1, size, size), returns logits; in evaluation mode.
        info: what to write into the file.
    """
    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    size = info.preprocessing.size
    program = torch.onnx.export(
        _WholePath(network, info.preprocessing).eval(),
        # a batch of one would be taken for a constant
        (torch.zeros(2, 1, size, size, dtype=torch.uint8),),
        input_names=["faces"],
        output_names=["probabilities"],
        dynamic_shapes={"faces": {0: torch.export.Dim("batch")}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto  # a new one each time
    graph = model.graph
    # The exporter's notes on where each node came from: a quarter of the file, with local paths
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(info.to_dict())})
    model.doc_string = "Facial expressions: gray faces, uint8, to probabilities."
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class Verification:
    """How an exported model compares with its checkpoint, on the same random faces.

    Attributes:
        difference: largest absolute difference of a probability.
        checkpoint_speed: faces/s of the checkpoint, one thread.
        model_speed: faces/s of the exported model, one thread.
    """

    difference: float
    checkpoint_speed: float
    model_speed: float


def verify(checkpoint: Classifier, model: Classifier) -> Verification:
    """Compare an exported model with its checkpoint on random faces, in batches of several sizes."""
    side = checkpoint.info.preprocessing.size
    faces = np.random.default_rng(0).integers(0, 256, (64, side, side), dtype=np.uint8)
    batches = [faces[:count] for count in (1, 2, 7, len(faces))]
    apart = [np.abs(checkpoint.probabilities(batch) - model.probabilities(batch)).max() for batch in batches]
    # of numbers that are none, numpy's max makes one that is none, and no tolerance is above it
    return Verification(float(np.max(apart)), _speed(checkpoint, faces), _speed(model, faces))


def _speed(classifier: Classifier, faces: NDArray[np.uint8]) -> float:
    """Faces/s, the best of a few rounds: other work on the machine only ever slows one down."""
    return len(faces) / min(timeit.repeat(lambda: classifier.probabilities(faces), number=1))


def export(
    ckpt_path: Path,
    output: Path,
    tolerance: float,
    crop: Mapping[str, float] | None = None,
    metrics: dict[str, Any] | None = None,
) -> tuple[ModelInfo, Verification]:
    """Export a checkpoint and verify the result; a model that differs is not written.

    The network's weights come to lie beside the model as a `.ckpt` file, for what needs gradients.

    Args:
        ckpt_path: the checkpoint.
        output: the `.onnx` file.
        tolerance: largest difference of a probability between the two.
        crop: values of `fer.crop.Crop` that differ from the checkpoint's.
        metrics: scores per split; None takes the checkpoint's.

    Raises:
        ConfigError: such a crop is none.
        ModelError: the checkpoint cannot be used, or the exported model differs from it.
        OutputError: another training's checkpoint lies where the weights would.
    """
    checkpoint = CheckpointClassifier(ckpt_path, threads=1)
    info = checkpoint.info
    info = replace(info, crop=replace(info.crop, **crop or {}), metrics=metrics or info.metrics)
    weights = output.with_suffix(".ckpt")
    beside_source = weights.exists() and weights.samefile(ckpt_path)
    if weights.exists() and not beside_source and can_resume(read_checkpoint(weights)):
        raise OutputError(f"{weights} is a training's checkpoint; choose another output, or its weights replace it")
    with whole(output) as part:
        part.write_bytes(to_onnx(checkpoint.loaded.network, info))
        result = verify(checkpoint, OnnxClassifier(part, threads=1))
        if not result.difference <= tolerance:
            raise ModelError(
                f"the exported model's probabilities differ from the checkpoint's by up to {result.difference:.2e}, "
                f"more than tolerance={tolerance:.0e}; nothing was written"
            )
        if not beside_source:
            save_network(replace(checkpoint.loaded, info=info), weights)
    return info, result
