"""Classifiers and detectors for tests: a network with random weights, and boxes that are known."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cascade import Detections
from cascade.pictures import Image
from fer.checkpoint import build_network
from fer.model_info import METADATA_KEY, ModelInfo
from fer.preprocessing import Preprocessing


def write_checkpoint(
    path: Path, preprocessing: Preprocessing | None = None, config: dict[str, Any] | None = None
) -> Path:
    """Write a checkpoint of a random network whose outputs differ clearly from face to face."""
    preprocessing = preprocessing or Preprocessing()
    config = {
        **(config or {"_target_": "fer.models.mini_xception.MiniXception"}),
        "num_classes": len(preprocessing.classes),
    }
    torch.manual_seed(0)
    network = build_network(config)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
        network.head.weight *= 10
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    info = ModelInfo(preprocessing, network=config, commit="abc")
    torch.save({METADATA_KEY: info.to_dict(), "state_dict": state, "epoch": 4}, path)
    return path


class WholePicture:
    """Finds one face: the picture itself."""

    def detect(self, image: Image) -> Detections:
        height, width = image.shape[:2]
        return Detections(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))


class Script:
    """Finds the boxes of a list, one entry per call."""

    def __init__(self, boxes: list[list[list[float]]]) -> None:
        self.boxes = boxes
        self.calls = 0

    def detect(self, image: Image) -> Detections:
        found = self.boxes[self.calls]
        self.calls += 1
        return Detections(np.array(found, np.float32).reshape(-1, 4), np.ones(len(found), np.float32))
