"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

from omegaconf import DictConfig

from cascade.command import require, run_command


def train(config: DictConfig) -> float | None:
    """Run once as configured; return the monitored metric, which sweeps optimise."""
    from fer.training.run import run

    return run(config)


def main() -> None:
    """Run the command."""
    require_training()
    run_command(train, "train")


def require_training() -> None:
    """Say which extra is missing, should the base install have to train."""
    require("train", "torch", "pytorch_lightning", "pandas", "tensorboard")


if __name__ == "__main__":
    main()
