"""Scores of a network on one split, outside any Trainer."""

from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn

from cascade.errors import ModelError
from fer.data.faces import hard_labels
from fer.data.loader import FaceLoader
from fer.preprocessing import Preprocessing
from fer.training.metrics import ScoreMetrics, Scores


@torch.inference_mode()
def predict_logits(
    network: nn.Module,
    loader: FaceLoader,
    preprocessing: Preprocessing,
    device: torch.device | str = "cpu",
    description: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Run a network over a loader of uint8 faces, in 32 bits.

    Returns:
        Logits, float32 (N, C), and hard labels, int64 (N,), both on the CPU and in the loader's order.

    Raises:
        ModelError: the network gives what are no numbers.
    """
    network = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    logits, labels = [], []
    for images, truth in track(loader, description or "", disable=description is None, transient=True):
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
    unsure_below: float | None = None,
    **options: Any,
) -> Scores:
    """Return the scores of a network on all faces of a loader.

    None for `unsure_below` chooses it on these faces; the options are those of `predict_logits`.
    """
    # One process evaluates alone, also after distributed training
    metrics = ScoreMetrics(preprocessing.classes, sync=False)
    metrics.update(*predict_logits(network, loader, preprocessing, **options))
    return metrics.scores(unsure_below)
