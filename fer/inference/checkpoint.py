"""Running a training checkpoint as it is; the only way of classifying that imports torch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fer.checkpoint import load_network
from fer.inference.classifier import in_batches


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
        self.loaded = load_network(path)
        self.info = self.loaded.info
        torch.set_num_threads(threads or 1)

    def probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `fer.inference.classifier.Classifier.probabilities`."""
        return in_batches(faces, self._run, len(self.info.preprocessing.classes))

    @torch.inference_mode()
    def _run(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(np.ascontiguousarray(faces)).float()
        logits = self.loaded.network(self.info.preprocessing.normalise(pixels))
        return np.asarray(logits.softmax(dim=1).numpy(), np.float32)
