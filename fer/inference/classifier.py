"""Classifiers: exported models, which need no torch, and checkpoints, which do."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cascade.errors import ModelError
from fer.inference.model_info import METADATA_KEY, ModelInfo

#: Faces per call into the network: its activations then stay in the processor's cache (measured:
#: 5,400 faces/s at 8, 1,600 at 64).
BATCH = 8

Faces = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


class Classifier(Protocol):
    """Anything that turns faces into probabilities."""

    @property
    def info(self) -> ModelInfo:
        """What the model expects and what its outputs mean."""
        ...

    def probabilities(self, faces: Faces) -> Probabilities:
        """Gray faces, uint8 (N, size, size), to float32 (N, classes), rows summing to 1."""
        ...


class OnnxClassifier:
    """Runs an exported model with ONNX Runtime on the CPU.

    Args:
        path: a file that `python -m fer.export` wrote.
        threads: of one call; None for two, where there are two processors.

    Raises:
        ModelError: missing, no ONNX, without this project's metadata, or contradicting it.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ModelError(f"no classifier at {self.path.absolute()}")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Left alone, ONNX Runtime takes every processor, and its threads wait by spinning
        options.intra_op_num_threads = threads or min(2, os.cpu_count() or 1)
        try:
            self._session = onnxruntime.InferenceSession(
                self.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise ModelError(
                f"{self.path} is not an ONNX model, or is damaged: {str(error).splitlines()[0]}"
            ) from error
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise ModelError(
                f"{self.path} does not say what its inputs and outputs mean; export it with: "
                f"python -m fer.export ckpt_path=…"
            )
        try:
            self.info = ModelInfo.from_json(text)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from error
        self._check_graph()

    def _check_graph(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        size, count = self.info.preprocessing.size, len(self.info.preprocessing.classes)
        shape = list(inputs[0].shape[1:])
        if len(inputs) != 1 or shape != [1, size, size] or inputs[0].type != "tensor(uint8)":
            raise ModelError(
                f"{self.path} takes {inputs[0].type} {inputs[0].shape}, its metadata say uint8 faces of "
                f"(N, 1, {size}, {size}); export it again with: python -m fer.export ckpt_path=…"
            )
        if list(outputs[0].shape[1:]) != [count]:
            raise ModelError(
                f"{self.path} gives {outputs[0].shape} for the {count} classes of its metadata "
                f"({', '.join(self.info.preprocessing.classes)})"
            )
        self._input = inputs[0].name

    def probabilities(self, faces: Faces) -> Probabilities:
        """See `Classifier.probabilities`."""
        return in_batches(faces, self._run, len(self.info.preprocessing.classes))

    def _run(self, faces: Faces) -> Probabilities:
        return np.asarray(self._session.run(None, {self._input: faces})[0], np.float32)


def in_batches(faces: Faces, run: Callable[[Faces], Probabilities], classes: int) -> Probabilities:
    """Call a network on (N, 1, size, size) batches that suit the processor's cache, and join the results."""
    if len(faces) == 0:
        return np.zeros((0, classes), np.float32)
    parts = [run(faces[start : start + BATCH, None]) for start in range(0, len(faces), BATCH)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def released_models() -> dict[str, Path]:
    """The models that come with the project, by name."""
    folder = Path(str(files("fer"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.onnx"))}


def load_classifier(model: str | Path = "mini_xception", threads: int | None = None) -> Classifier:
    """Load a classifier.

    Args:
        model: name of a released model, an `.onnx` file of `python -m fer.export`, or a `.ckpt` file of
            `train.py`, which imports torch.
        threads: of one call; None leaves the choice to `OnnxClassifier` or `CheckpointClassifier`.

    Raises:
        ModelError: no such model, or not one that this project can use.
    """
    released = released_models()
    path = released.get(str(model), Path(model).expanduser())
    if path.suffix == ".onnx":
        return OnnxClassifier(path, threads)
    if not path.is_file():
        raise ModelError(
            f"no classifier at {path.absolute()}, and none of that name comes with the project "
            f"({', '.join(released) or 'there are none'}); give a .ckpt of train.py or an .onnx of fer.export"
        )
    if path.suffix not in (".ckpt", ".pt", ".pth"):
        raise ModelError(f"{path} is neither an .onnx file of fer.export nor a .ckpt file of train.py")
    from fer.inference.checkpoint import CheckpointClassifier

    return CheckpointClassifier(path, threads)
