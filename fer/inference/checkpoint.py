"""Running a training checkpoint as it is; the only way of classifying that imports torch."""

from pathlib import Path

import numpy as np
import torch

from fer.checkpoint import LoadedNetwork, load_network
from fer.inference.classifier import Faces, Probabilities, in_batches
from fer.inference.model_info import ModelInfo, measured_crops


class CheckpointClassifier:
    """Runs the network of a `.ckpt` file on the CPU.

    Args:
        path: a checkpoint that `train.py` wrote.
        threads: of torch in this process; None for one, as more slow it down when the machine is busy.

    Raises:
        ModelError: no such file, no checkpoint of this project, or one that holds code.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        self.path = Path(path)
        self.loaded: LoadedNetwork = load_network(path)
        self.info = checkpoint_info(self.loaded)
        torch.set_num_threads(threads or 1)

    def probabilities(self, faces: Faces) -> Probabilities:
        """See `fer.inference.classifier.Classifier.probabilities`."""
        return in_batches(faces, self._run, len(self.info.preprocessing.classes))

    @torch.inference_mode()
    def _run(self, faces: Faces) -> Probabilities:
        pixels = torch.from_numpy(np.ascontiguousarray(faces)).float()
        logits = self.loaded.network(self.loaded.preprocessing.normalise(pixels))
        return np.asarray(logits.softmax(dim=1).numpy(), np.float32)


def checkpoint_info(loaded: LoadedNetwork) -> ModelInfo:
    """Describe a checkpoint as an exported model describes itself.

    A checkpoint knows nothing of detectors; it takes the crops that were measured on fer2013's framing.
    """
    return ModelInfo(
        preprocessing=loaded.preprocessing,
        crops=measured_crops(),
        network=loaded.config,
        commit=loaded.commit,
        epoch=loaded.epoch + 1,
    )
