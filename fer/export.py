"""The command `python -m fer.export ckpt_path=….ckpt`: a checkpoint becomes an ONNX model that runs without torch."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig

from cascade.command import run_command
from cascade.detectors.names import find_cascade
from cascade.errors import ConfigError, DataError, ModelError, OutputError
from cascade.files import whole, write_whole
from cascade.interrupts import loading
from cascade.quantization import quantized
from cascade.ranges import NotNegative, Seed
from cascade.terminal import muted
from fer.card import update_card
from fer.inference.classifier import CheckpointClassifier, Classifier, OnnxClassifier, load_classifier
from fer.model_info import METADATA_KEY, ModelInfo

if TYPE_CHECKING:  # torch and onnx are imported by what needs them, after a look whether they are there
    from fer.checkpoint import LoadedNetwork

log = logging.getLogger(__name__)

TOLERANCE = {False: 1e-5, True: 0.02}
"""Of `difference`, for models that compute in 32 bits and, True, in 8."""
FACES = 2048
"""How many tell the ranges of 8 bits, or serve the comparison."""


@dataclass
class CropSettings:
    """Those of `fer.crop.Crop` that replace the checkpoint's."""

    scale: float | None
    dx: float | None
    dy: float | None


@dataclass
class PipelineSettings:
    """Which detector and which model become one file, and how."""

    detector: str | None
    classifier: str
    colour: bool
    optional: bool


@dataclass
class ExportSettings:
    """Names and types of the settings beside the group; `configs/export.yaml` has their values and meaning."""

    data: Any
    ckpt_path: str | None
    output: str | None
    crop: CropSettings
    metrics: str | None
    tolerance: NotNegative | None
    half: bool
    int8: bool
    overwrite: bool
    pipeline: PipelineSettings
    seed: Seed
    augmentation: Any


ConfigStore.instance().store(name="export_schema", node=ExportSettings)


def to_onnx(loaded: "LoadedNetwork") -> bytes:
    """A network with its preprocessing, a softmax and its description as an ONNX file; batches are dynamic."""
    with loading():
        import onnx
        import torch
        from onnxscript import optimizer

    for talkative in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    size = loaded.info.preprocessing.size
    program = torch.onnx.export(
        loaded,
        (torch.zeros(2, 1, size, size, dtype=torch.uint8),),  # a batch of one would be taken for a constant
        input_names=["faces"],
        output_names=["probabilities"],
        dynamic_shapes={"faces": {0: torch.export.Dim("batch")}},
        opset_version=18,
        dynamo=True,
        verbose=False,
        optimize=False,
    )
    assert program is not None
    # Not all that torch would do: runtimes join normalisation and convolutions themselves, and 16 bits hold the weights
    optimizer.inline(program.model)
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto  # a new one each time
    graph = model.graph
    _store_halves(graph)
    # The exporter's notes on where each node came from: a quarter of the file, with local paths
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(loaded.info.to_dict())})
    model.doc_string = "Facial expressions: gray faces, uint8, to probabilities."
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _store_halves(graph: Any) -> None:
    """Store weights that 16 bits hold exactly in 16 bits; the runtime widens them once, when it loads the model."""
    import onnx

    casts = []
    for weights in graph.initializer:
        if weights.data_type != onnx.TensorProto.FLOAT or len(weights.dims) < 2:
            continue
        values = onnx.numpy_helper.to_array(weights)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if np.array_equal(halves, values):
            name, stored = weights.name, f"{weights.name}_16"
            weights.CopyFrom(onnx.numpy_helper.from_array(halves, stored))
            casts.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def difference(checkpoint: Classifier, model: Classifier, faces: NDArray[np.uint8] | None = None) -> float:
    """How far the probabilities of two are apart.

    The largest absolute difference, on random faces in batches of several sizes; on faces that are given, uint8
    (N, size, size), the mean one.
    """
    if faces is not None:
        return float(np.abs(checkpoint.probabilities(faces) - model.probabilities(faces)).mean())
    side = checkpoint.info.preprocessing.size
    faces = np.random.default_rng(0).integers(0, 256, (64, side, side), dtype=np.uint8)
    batches = (faces[:count] for count in (1, 2, 7, 64))
    apart = [np.abs(checkpoint.probabilities(batch) - model.probabilities(batch)).max() for batch in batches]
    # of numbers that are none, numpy's max makes one that is none, and no tolerance is above it
    return float(np.max(apart))


def export(
    ckpt_path: Path,
    output: Path,
    tolerance: float,
    crop: Mapping[str, float] | None = None,
    metrics: dict[str, Any] | None = None,
    half: bool = False,
    faces: NDArray[np.uint8] | None = None,
) -> tuple[ModelInfo, float]:
    """Export a checkpoint and return what the model says of itself, and the `difference` of the two.

    The network's weights come to lie beside the model as a `.ckpt` file, for what needs gradients, with the same
    description, unless a training's checkpoint is exported to its own place.

    Args:
        ckpt_path: the checkpoint.
        output: the `.onnx` file.
        tolerance: of the difference; a model that differs by more is not written.
        crop: values of `fer.crop.Crop` that differ from the checkpoint's.
        metrics: scores per split, with what to be unsure of; None takes the checkpoint's.
        half: round weights to 16 bits first, which halves both files; biases and normalisation keep 32.
        faces: uint8 (N, size, size), N ≥ 2, for a model that computes in 8 bits: every second one tells it the ranges
            of its maps, on the others it is compared. The checkpoint keeps its bits.

    Raises:
        ConfigError: such a crop is none.
        ModelError: the checkpoint cannot be used, or the exported model differs from it.
        OutputError: another training's checkpoint lies where the weights would.
    """
    with loading():
        from fer.checkpoint import LoadedNetwork, can_resume, read_checkpoint, save_network

    checkpoint = CheckpointClassifier(ckpt_path)
    info = checkpoint.info
    metrics = metrics or info.metrics
    below = metrics.get("val", {}).get("unsure", {}).get("below", info.unsure_below)
    network, described = checkpoint.loaded.network, info.network
    if folded := getattr(network, "folded", None):
        network, other = folded()
        described = {**described, **other}
    if half:
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                parameter.data = parameter.data.half().float()
                if not parameter.isfinite().all():
                    raise ModelError(f"{ckpt_path}: 16 bits are too few for {name}; export it with half=false")
        checkpoint.loaded.network = network  # the model is to be that of the rounded weights
    parameters = sum(parameter.numel() for parameter in network.parameters())
    crop_values = replace(info.crop, **crop or {})
    info = replace(info, network=described, parameters=parameters)
    info = replace(info, crop=crop_values, metrics=metrics, unsure_below=below)
    loaded = LoadedNetwork(network, info)
    weights = output.with_suffix(".ckpt")
    training = weights.exists() and can_resume(read_checkpoint(weights))
    if training and not weights.samefile(ckpt_path):
        raise OutputError(f"{weights} is a training's checkpoint; choose another output, or its weights replace it")
    with whole(output) as part:
        model = to_onnx(loaded)
        if faces is not None:
            model = quantized(
                model, ({"faces": some[:, None]} for some in np.array_split(faces[::2], -(-len(faces) // 128)))
            )
        part.write_bytes(model)
        apart = difference(checkpoint, OnnxClassifier(part), None if faces is None else faces[1::2])
        if not apart <= tolerance:
            much = "up to" if faces is None else "a mean of"
            raise ModelError(
                f"the exported model's probabilities differ from the checkpoint's by {much} {apart:.2e}, more than "
                f"tolerance={tolerance:.0e}; nothing was written"
            )
        if not training:
            save_network(loaded, weights)
    return info, apart


def read_metrics(path: Path) -> dict[str, Any]:
    """Read the scores per split from a run's `metrics.json`, without the confusion matrices.

    Raises:
        DataError: it cannot be read.
    """
    try:
        splits = {name: scores for name, scores in json.loads(path.read_text()).items() if name in ("val", "test")}
        return {name: {k: v for k, v in scores.items() if k != "confusion"} for name, scores in splits.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"metrics cannot be read from {path}: {error}") from error


def export_configured(config: DictConfig) -> None:
    """Export as configured and print what was written."""
    if config.pipeline.detector is not None:
        join_configured(config)
        return
    if config.ckpt_path is None:
        raise ConfigError("name the checkpoint: python -m fer.export ckpt_path=outputs/train/…/checkpoints/best.ckpt")
    ckpt_path = Path(str(config.ckpt_path)).expanduser()
    output = _output(config, ckpt_path.with_suffix(".onnx"))
    scores = Path(str(config.metrics)).expanduser() if config.metrics else ckpt_path.parent.parent / "metrics.json"
    metrics = read_metrics(scores) if config.metrics or scores.is_file() else None
    faces = _some_faces(config, ckpt_path) if config.int8 else None
    tolerance = config.tolerance if config.tolerance is not None else TOLERANCE[config.int8]
    info, apart = export(ckpt_path, output, tolerance, _crop(config), metrics, config.half, faces)
    if not info.metrics:
        log.warning("no %s: the model will not know its accuracy; name the file with metrics=…", scores)
    card, size = output.with_suffix(".md"), output.stat().st_size
    rows = {
        "written": f"{output}  ({size / 1000:.1f} kB)",
        "weights": f"{output.with_suffix('.ckpt')}, for explain=true",
        "verified": f"probabilities equal the checkpoint's{', rounded,' * config.half} within {apart:.1e}"
        + " on average" * config.int8,
        "classes": ", ".join(info.preprocessing.classes),
        "faces": f"{info.preprocessing.size}×{info.preprocessing.size} gray",
        "accuracy": (", ".join(f"{split} {one['accuracy']:.2%}" for split, one in info.metrics.items()) or "unknown")
        + f"; measure this file: python train.py train=false ckpt_path={output}" * config.int8,
        "unsure": f"below {info.unsure_below:.2f}",
        "commit": info.commit,
        "use it": f"python detect.py source=photo.jpg classifier={output}",
    }
    if update_card(card, info, size, config.int8):
        rows["card"] = str(card)
    _print(rows)


def _some_faces(config: DictConfig, ckpt_path: Path) -> NDArray[np.uint8]:
    """Training faces of the configured data from all over them, as the checkpoint's network takes them."""
    with loading():
        from fer.checkpoint import load_network
        from fer.data.module import FaceDataModule, resized

    size = load_network(ckpt_path).preprocessing.size
    data: FaceDataModule = instantiate(config.data)
    with muted("fer.data", logging.WARNING):  # how many faces there are is not the matter here
        images = data.splits["train"].images
    if len(images) < FACES:
        log.warning("only %d faces tell the ranges of 8 bits; %d or more are better", len(images), FACES)
    chosen = images[:: max(1, len(images) // FACES)][:FACES]
    return np.asarray(resized(chosen, size)[:, 0])


def join_configured(config: DictConfig) -> None:
    """Join a detector and a model as configured and print what was written."""
    from fer.one_graph import PICTURES, describe_pipeline, join

    if config.ckpt_path is not None:
        raise ConfigError("a pipeline joins an exported model: leave ckpt_path out, and export the checkpoint before")
    if config.half or config.int8:
        raise ConfigError("half and int8 are of a checkpoint's export: a pipeline computes as the models that it joins")
    output, chosen = _output(config, Path("pipeline.onnx")), config.pipeline
    detector = find_cascade(chosen.detector, ".onnx")
    classifier = load_classifier(chosen.classifier)
    if not isinstance(classifier, OnnxClassifier):
        raise ConfigError(f"pipeline.classifier must be an exported model, not {chosen.classifier}; export it before")
    if output.exists() and any(part.is_file() and output.samefile(part) for part in (detector, classifier.path)):
        raise OutputError(f"{output} is one of the files that are to be joined; choose another output")
    info = classifier.info = replace(classifier.info, crop=replace(classifier.info.crop, **_crop(config)))
    count, apart = join(detector, classifier, output, chosen.colour, chosen.optional)
    described = output.with_suffix(".json")
    write_whole(described, json.dumps(describe_pipeline(detector, info, chosen.colour), indent=2) + "\n")
    if not count:
        log.warning("%s finds no face in drawn scenes: how faces are read could not be compared", detector)
    _print(
        {
            "written": f"{output}  ({output.stat().st_size / 1000:.1f} kB)",
            "described": str(described),
            "verified": f"probabilities of {count} faces equal those of the two models within {apart:.1e}",
            "picture": PICTURES[chosen.colour],
            "faces": "boxes x, y, width, height in pixels of the picture, scores, probabilities",
            "classes": ", ".join(info.preprocessing.classes),
        }
    )


def _output(config: DictConfig, default: Path) -> Path:
    """The file to write, if it may be written."""
    output = Path(str(config.output)).expanduser() if config.output else default
    if output.suffix != ".onnx":
        raise ConfigError(f"output must end in .onnx, not {output.name}")
    if output.exists() and not config.overwrite:
        raise OutputError(f"{output} is there already; set overwrite=true, or output to another file")
    return output


def _crop(config: DictConfig) -> dict[str, float]:
    """The values of the crop that are set."""
    return {str(key): value for key, value in config.crop.items() if value is not None}


def _print(rows: Mapping[str, str]) -> None:
    for name, value in rows.items():
        print(f"{name:>9}  {value}")


def main() -> None:
    """Run the command."""
    run_command(export_configured, "export", positional=("ckpt_path",), extra="export")


if __name__ == "__main__":
    main()
