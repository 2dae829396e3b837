"""Train a cascade: `python -m cascade.train samples=FOLDER name=NAME`."""

from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import output_dir, require, run_command, settings
from cascade.interrupts import loading
from cascade.opencv.tools.install import opencv_faces
from cascade.training.run_training import TrainConfig, run_training

ConfigStore.instance().store(name="cascade_train_schema", node=TrainConfig)


def train(config: DictConfig) -> float:
    """Train once as configured; return the cascade's false-alarm rate on its training negatives."""
    console = Console()
    chosen = settings(config, TrainConfig)
    if config.trainer._target_.startswith("cascade.convolutional."):  # the base install leaves these out
        require("export", "torch", "torchvision", "pytorch_lightning", "onnx")
    elif config.trainer._target_.startswith("cascade.boost."):
        require("boost")
    with loading():
        trainer = instantiate(config.trainer)
    if chosen.vec == "opencv_faces":
        chosen.vec = str(opencv_faces(console))
    return run_training(chosen, trainer, output_dir(), console)


def main() -> None:
    """Run the command."""
    run_command(train, "train", "cascade")


if __name__ == "__main__":
    main()
