"""Classifiers: exported models, which need no torch, and checkpoints, which do."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cascade.command import require
from cascade.errors import ModelError
from cascade.onnx import TRIAL_SECONDS, OnnxGraph
from fer.model_info import METADATA_KEY, ModelInfo

BATCH = 8
"""Faces per call into the network: its activations then stay in the processor's cache (measured: 5,400 faces/s at 8,
1,600 at 64)."""

_EXPORT = "export it with: python -m fer.export ckpt_path=…"


class Classifier(ABC):
    """A model that turns faces into probabilities.

    Attributes:
        path: the model's file.
        info: what it expects and what its outputs mean.
    """

    path: Path
    info: ModelInfo

    def probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gray faces, uint8 (N, size, size), to float32 (N, classes), rows summing to 1.

        Raises:
            ModelError: what the network gives is no probability.
        """
        count = len(self.info.preprocessing.classes)
        batches = [np.zeros((0, count), np.float32)]
        for at in range(0, len(faces), BATCH):
            batch = faces[at : at + BATCH, None]
            batches.append(made := self._run(batch))
            if made.shape != (len(batch), count):
                raise ModelError(
                    f"{self.path} is broken: for {len(batch)} faces and {count} classes it gives values {made.shape}"
                )
        shares = np.concatenate(batches)
        # written so that it catches what is no number, too
        if not (shares >= -1e-6).all() or not (abs(shares.sum(axis=1) - 1) < 1e-3).all():
            raise ModelError(f"{self.path} is broken: it gives values that are no probabilities")
        return shares

    def _try(self) -> None:
        """Read blank faces, so that a broken network is told of before any work; raises ModelError."""
        size = self.info.preprocessing.size
        for count in (1, 3):  # not a fixed number of rows
            self.probabilities(np.zeros((count, size, size), np.uint8))

    @abstractmethod
    def _run(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probabilities of one batch, (n, 1, size, size)."""


class OnnxClassifier(Classifier):
    """Runs an exported model with ONNX Runtime on the CPU.

    Args:
        path: a file that `python -m fer.export` wrote.
        threads: of one call; None for two, where there are two processors.
        provider: what runs it: see `cascade.onnx.PROVIDERS`.

    Raises:
        ModelError: no ONNX, without this project's metadata, or contradicting it.
    """

    def __init__(self, path: str | Path, threads: int | None = None, provider: str = "CPUExecutionProvider") -> None:
        self.path = Path(path)
        self._graph = graph = OnnxGraph(self.path, threads, provider)
        text = graph.metadata.get(METADATA_KEY)
        if text is None:
            raise ModelError(f"{self.path} does not say what its inputs and outputs mean; {_EXPORT}")
        self.info = ModelInfo.read(text, self.path)
        taken, made = list(graph.inputs.values()), list(graph.outputs.values())
        size, count = self.info.preprocessing.size, len(self.info.preprocessing.classes)
        graph_says = [(kind, shape[1:]) for kind, shape in (*taken, *made[:1])]
        if graph_says != [("tensor(uint8)", [1, size, size]), ("tensor(float)", [count])]:
            raise ModelError(
                f"{self.path} takes {taken} and gives {made}, where its metadata say uint8 (N, 1, {size}, {size}) and "
                f"{count} classes; {_EXPORT}"
            )
        self._input = next(iter(graph.inputs))
        self._seconds: float | None = TRIAL_SECONDS
        self._try()
        self._seconds = None

    def _run(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self._graph.run({self._input: faces}, seconds=self._seconds)[0], np.float32)


class CheckpointClassifier(Classifier):
    """Runs the network of a training's checkpoint on the CPU, with torch.

    Args:
        path: a `.ckpt` file that `train.py` wrote.
        threads: of torch in this process; None for one, as more slow it down when the machine is busy.

    Raises:
        ModelError: no such file, no checkpoint of this project, or one that holds code.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        import torch

        from fer.checkpoint import load_network

        self.path = Path(path)
        self.loaded = load_network(path)
        self.info = self.loaded.info
        torch.set_num_threads(threads or 1)
        self._try()

    def _run(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return np.asarray(self.loaded(torch.from_numpy(np.ascontiguousarray(faces))), np.float32)


def released_models() -> dict[str, Path]:
    """The models that come with the project, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parents[1].glob("weights/*.onnx"))}


def load_classifier(model: str | Path = "small_resnet", threads: int | None = None) -> Classifier:
    """Load a classifier.

    Args:
        model: name of a released model, an `.onnx` file of `python -m fer.export`, or a `.ckpt` file of
            `train.py`, which imports torch.
        threads: of one call; None leaves the choice to `OnnxClassifier` or `CheckpointClassifier`.

    Raises:
        ModelError: no such model, or not one that this project can use.
        ToolsError: a checkpoint, and torch is not installed.
    """
    released = released_models()
    path = released.get(str(model), Path(model).expanduser())
    if not path.is_file():
        raise ModelError(
            f"no classifier at {path.absolute()}, and none of that name comes with the project "
            f"({', '.join(released) or 'there are none'}); give a .ckpt of train.py or an .onnx of fer.export"
        )
    if path.suffix == ".onnx":
        return OnnxClassifier(path, threads)
    if path.suffix not in (".ckpt", ".pt", ".pth"):
        raise ModelError(f"{path} is neither an .onnx file of fer.export nor a .ckpt file of train.py")
    require("train", "torch", "torchvision")
    return CheckpointClassifier(path, threads)
