"""Train a cascade: `python -m cascade.train samples=FOLDER name=NAME`."""

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import output_dir, run_command, settings
from cascade.training.run import TrainConfig, run_training

ConfigStore.instance().store(name="train_schema", node=TrainConfig)


def train(config: DictConfig) -> float:
    """Train once as configured; return the cascade's false-alarm rate on its training negatives."""
    return run_training(settings(config, TrainConfig), output_dir(), Console())


def main() -> None:
    """Run the command."""
    run_command(train, "train", "cascade")


if __name__ == "__main__":
    main()
