"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from hydra.core.config_store import ConfigStore
from msgspec import Meta
from omegaconf import DictConfig

from cascade.command import run_command
from cascade.interrupts import loading
from cascade.ranges import Count, Seed
from fer.training.limits import LIMITS

METRICS = "^(?:val/acc|val/macro_f1|val/ece|val/loss|val_f1/.+|train/acc|train/loss)$"
"""What a training logs after each epoch."""


@dataclass
class TrainSettings:
    """Names and types of the settings beside the groups; `configs/train.yaml` has their values and meaning."""

    data: Any
    augmentation: Any
    model: Any
    loss: Any
    optimizer: Any
    scheduler: Any
    trainer: Any
    callbacks: Any
    logger: Any
    monitor: Annotated[str, Meta(pattern=METRICS)]
    mode: Annotated[Any, Literal["max", "min"]]
    seed: Seed
    train: bool
    test: bool
    ckpt_path: str | None
    against: str | None
    init_from: str | None
    threads: Count | None
    channels_last: bool
    compile: bool


ConfigStore.instance().store(name="train_schema", node=TrainSettings)


def train(config: DictConfig) -> float | None:
    """Run once as configured; return the monitored metric, which sweeps optimise."""
    with loading():
        from fer.training.experiment import run_experiment

    return run_experiment(config)


def main() -> None:
    """Run the command."""
    run_command(train, "train", extra="train", limits=LIMITS)


if __name__ == "__main__":
    main()
