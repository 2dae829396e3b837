"""Export a checkpoint to ONNX, with its metadata inside: `python -m fer.export ckpt_path=….ckpt`."""

import json
import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from cascade.command import run_command
from cascade.errors import ModelError, UserError
from fer.card import update_card
from fer.checkpoint import can_resume, read_checkpoint, save_network
from fer.inference.checkpoint import CheckpointClassifier
from fer.inference.classifier import Classifier, OnnxClassifier
from fer.inference.model_info import METADATA_KEY, ModelInfo, measured_crops
from fer.preprocessing import Preprocessing

log = logging.getLogger(__name__)


class _WholePath(nn.Module):
    """From the bytes of gray faces to probabilities: nothing is left for the caller to get wrong."""

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing

    def forward(self, faces: Tensor) -> Tensor:
        """Faces uint8 (N, 1, size, size) to probabilities float32 (N, classes)."""
        return torch.softmax(self.network(self.preprocessing.normalise(faces.float())), dim=1)


@dataclass(frozen=True)
class Verification:
    """How an exported model compares with its checkpoint, on the same random faces.

    Attributes:
        difference: largest absolute difference of a probability.
        size: bytes of the file.
        checkpoint_speed: faces/s of the checkpoint, one thread.
        model_speed: faces/s of the exported model, one thread.
    """

    difference: float
    size: int
    checkpoint_speed: float
    model_speed: float


def export_onnx(network: nn.Module, info: ModelInfo, path: Path) -> None:
    """Write a network with its preprocessing, a softmax and its metadata as ONNX; batches are dynamic.

    Args:
        network: takes normalised faces (N, 1, size, size), returns logits; in evaluation mode.
        info: what to write into the file.
        path: the file; it appears only when it is complete.

    Raises:
        ModelError: the `export` extra is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError as error:
        raise ModelError(f'export needs onnx and onnxscript: pip install "fer-cascade[export]" ({error})') from error
    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    size = info.preprocessing.size
    # a batch of one would be taken for a constant
    example = torch.zeros(2, 1, size, size, dtype=torch.uint8)
    program = torch.onnx.export(
        _WholePath(network, info.preprocessing).eval(),
        (example,),
        input_names=["faces"],
        output_names=["probabilities"],
        dynamic_shapes={"faces": {0: torch.export.Dim("batch")}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    _drop_origins(model.graph)
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    model.doc_string = "Facial expressions: gray faces, uint8, to probabilities."
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(path)


def _drop_origins(graph: Any) -> None:
    """Remove the exporter's notes on where each node came from: a quarter of the file, with local paths."""
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def verify(checkpoint: Classifier, model: Classifier, size: int) -> Verification:
    """Compare an exported model with its checkpoint on random faces, in batches of several sizes."""
    rng = np.random.default_rng(0)
    side = checkpoint.info.preprocessing.size
    difference = 0.0
    for count in (1, 2, 7, 64):
        faces = rng.integers(0, 256, (count, side, side), dtype=np.uint8)
        apart = np.abs(checkpoint.probabilities(faces) - model.probabilities(faces)).max()
        difference = max(difference, float(apart) if np.isfinite(apart) else math.inf)
    faces = rng.integers(0, 256, (256, side, side), dtype=np.uint8)
    return Verification(difference, size, _speed(checkpoint, faces), _speed(model, faces))


def _speed(classifier: Classifier, faces: Any) -> float:
    """Faces/s, the best of a few rounds: other work on the machine only ever slows one down."""
    best = math.inf
    for _ in range(5):
        started = time.perf_counter()
        classifier.probabilities(faces)
        best = min(best, time.perf_counter() - started)
    return len(faces) / best


def read_metrics(path: Path) -> dict[str, Any]:
    """Read the scores per split from a run's `metrics.json`, without the confusion matrices.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        values = json.loads(path.read_text())
        splits = {name: values[name] for name in ("val", "test") if name in values}
        return {name: {k: v for k, v in scores.items() if k != "confusion"} for name, scores in splits.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"metrics cannot be read from {path}: {error}") from error


def export(
    ckpt_path: Path, output: Path, crops: Path | None, metrics: Path | None, tolerance: float
) -> tuple[ModelInfo, Verification]:
    """Export a checkpoint and verify the result; a model that differs is removed again.

    The network's weights come to lie beside the model as a `.ckpt` file, for what needs gradients.

    Raises:
        UserError: see `fer.checkpoint.read_checkpoint`, `export_onnx`, `read_metrics`; another training's
            checkpoint lies where the weights would; or the exported model differs from the checkpoint.
    """
    checkpoint = CheckpointClassifier(ckpt_path, threads=1)
    info = checkpoint.info
    if crops is not None:
        info = replace(info, crops=measured_crops(crops))
    if metrics is not None:
        info = replace(info, metrics=read_metrics(metrics))
    weights = output.with_suffix(".ckpt")
    beside_source = weights.exists() and weights.samefile(ckpt_path)
    if weights.exists() and not beside_source and can_resume(read_checkpoint(weights)):
        raise ModelError(
            f"{weights} is a training's checkpoint, and the exported weights would replace it; "
            f"choose another name for output"
        )
    unverified = output.with_name(f"{output.stem}.unverified.onnx")
    try:
        export_onnx(checkpoint.loaded.network, info, unverified)
        model = OnnxClassifier(unverified, threads=1)
        result = verify(checkpoint, model, unverified.stat().st_size)
        if not result.difference <= tolerance:
            raise ModelError(
                f"the exported model's probabilities differ from the checkpoint's by up to "
                f"{result.difference:.2e}, more than tolerance={tolerance:.0e}; nothing was written"
            )
        if not beside_source:
            save_network(checkpoint.loaded, weights)
        unverified.replace(output)
    finally:
        unverified.unlink(missing_ok=True)
    return info, result


def export_configured(config: DictConfig) -> None:
    """Export as configured and print what was written."""
    if config.get("ckpt_path") is None:
        raise UserError("name the checkpoint: python -m fer.export ckpt_path=outputs/train/…/checkpoints/best.ckpt")
    ckpt_path = Path(str(config.ckpt_path)).expanduser()
    output = Path(str(config.output)).expanduser() if config.output else ckpt_path.with_suffix(".onnx")
    if output.suffix != ".onnx":
        raise UserError(f"output must end in .onnx, not {output.name}")
    if output.exists() and not config.overwrite:
        raise UserError(f"{output} is there already; set overwrite=true, or output to another file")
    metrics = Path(str(config.metrics)) if config.metrics else ckpt_path.parent.parent / "metrics.json"
    if config.metrics is None and not metrics.is_file():
        log.warning("no %s: the model will not know its accuracy; name the file with metrics=…", metrics)
    known = metrics if config.metrics or metrics.is_file() else None
    crops = Path(str(config.crops)) if config.crops else None
    info, result = export(ckpt_path, output, crops, known, config.tolerance)
    for line in _summary(output, info, result):
        print(line)
    if update_card(output.with_suffix(".md"), info, result.size):
        print(f"    card  {output.with_suffix('.md')}")


def _summary(output: Path, info: ModelInfo, result: Verification) -> list[str]:
    scores = ", ".join(f"{split} {values['accuracy']:.2%}" for split, values in info.metrics.items())
    faster = result.model_speed / result.checkpoint_speed
    rows: Mapping[str, str] = {
        "written": f"{output}  ({result.size / 1000:.1f} kB)",
        "weights": f"{output.with_suffix('.ckpt')}, for explain=true",
        "verified": f"probabilities equal the checkpoint's within {result.difference:.1e}",
        "speed": f"{result.model_speed:,.0f} faces/s on one thread, "
        f"the checkpoint {result.checkpoint_speed:,.0f} ({faster:.1f}×)",
        "classes": ", ".join(info.preprocessing.classes),
        "faces": f"{info.preprocessing.size}×{info.preprocessing.size} gray",
        "accuracy": scores or "unknown",
        "commit": info.commit,
        "use it": f"python detect.py source=photo.jpg classifier={output}",
    }
    return [f"{name:>9}  {value}" for name, value in rows.items()]


def main() -> None:
    """Run the command."""
    run_command(export_configured, "export")


if __name__ == "__main__":
    main()
