"""Train a cascade with OpenCV's own trainer: `python -m cascade.train samples=FOLDER name=NAME`."""

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import CONFIGS, reported, run_command, settings
from cascade.training.run import TrainConfig, run_training

ConfigStore.instance().store(name="train_schema", node=TrainConfig)


@hydra.main(version_base="1.3", config_path=CONFIGS, config_name="train")
@reported
def main(config: DictConfig) -> float:
    """Train once as configured; return the cascade's false-alarm rate on its training negatives."""
    return run_training(settings(config, TrainConfig), Path(HydraConfig.get().runtime.output_dir), Console())


if __name__ == "__main__":
    run_command(main)
