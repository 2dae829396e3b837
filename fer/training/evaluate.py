"""Scores of a network on one split, outside any Trainer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn

from cascade.errors import ModelError
from fer.checkpoint import LoadedNetwork, load_network
from fer.data.faces import hard_labels
from fer.data.loader import FaceLoader
from fer.inference.classifier import OnnxClassifier, released_models
from fer.preprocessing import Preprocessing
from fer.training.details import Details
from fer.training.metrics import ScoreMetrics, Scores


class ExportedNetwork(nn.Module):
    """An exported model in a network's place: normalised faces (N, 1, size, size) to logarithms of probabilities."""

    def __init__(self, classifier: OnnxClassifier) -> None:
        super().__init__()
        self._classifier = classifier

    def forward(self, faces: Tensor) -> Tensor:
        """The file normalises bytes itself, so it is given these."""
        gray = self._classifier.info.preprocessing.denormalise(faces).round().to(torch.uint8)
        shares = torch.from_numpy(self._classifier.probabilities(gray[:, 0].cpu().numpy()))
        return shares.clamp_min(torch.finfo(torch.float32).tiny).log()


def load_judged(model: str) -> tuple[Path, LoadedNetwork]:
    """What is to be scored, and its file: a checkpoint, an exported model, or a released one by its name.

    An exported model, as released ones are, is scored itself, as it is used.

    Raises:
        ModelError: no such file, or not one of this project.
    """
    path = Path(released_models().get(model, model)).expanduser()
    if path.suffix != ".onnx":
        return path, load_network(path)
    classifier = OnnxClassifier(path, torch.get_num_threads())
    return path, LoadedNetwork(ExportedNetwork(classifier), classifier.info)


@torch.inference_mode()
def predict_logits(
    network: nn.Module,
    loader: FaceLoader,
    preprocessing: Preprocessing,
    device: torch.device | str = "cpu",
    description: str | None = None,
    mirrored: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run a network over a loader of uint8 faces, or over their mirror images, in 32 bits.

    Returns:
        Logits, float32 (N, C), and hard labels, int64 (N,), both on the CPU and in the loader's order.

    Raises:
        ModelError: the network gives what are no numbers.
    """
    network = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    logits, labels = [], []
    for images, truth in track(loader, description or "", disable=description is None, transient=True):
        images = images.flip(-1) if mirrored else images
        faces = preprocessing.normalise(images.to(device).float())
        logits.append(network(faces.contiguous(memory_format=torch.channels_last)).float().cpu())
        labels.append(hard_labels(truth))
    scores = torch.cat(logits)
    if not scores.isfinite().all():
        raise ModelError("the network is broken: it gives values that are no numbers")
    return scores, torch.cat(labels)


def evaluate(
    network: nn.Module,
    loader: FaceLoader,
    preprocessing: Preprocessing,
    originals: tuple[Tensor, Tensor],
    chosen: Scores | None = None,
    **options: Any,
) -> tuple[Scores, Tensor]:
    """Judge a network by all faces of a loader.

    Args:
        network: normalised faces to logits.
        loader: of uint8 faces in the network's size.
        preprocessing: what the network expects.
        originals: what `fer.training.details.originals_of` says of these faces.
        chosen: scores of the selecting split, which say what to be unsure of and the temperature; None chooses both
            on these faces.
        options: of `predict_logits`.

    Returns:
        its scores, with details, and whether it names each face right, bool (N,).
    """
    below = chosen.unsure.below if chosen else None
    temperature = chosen.details.tempered.temperature if chosen and chosen.details else None
    logits, labels = predict_logits(network, loader, preprocessing, **options)
    mirrored, _ = predict_logits(network, loader, preprocessing, mirrored=True, **options)
    # One process evaluates alone, also after distributed training
    metrics = ScoreMetrics(preprocessing.classes, sync=False)
    metrics.update(logits, labels)
    details = Details.of(logits, mirrored, labels, originals, temperature)
    return replace(metrics.scores(below), details=details), logits.argmax(dim=1) == labels
