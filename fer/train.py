"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

from omegaconf import DictConfig

from cascade.command import require, run_command


def train(config: DictConfig) -> float | None:
    """Run once as configured; return the monitored metric, which sweeps optimise."""
    require("train", "torch", "pytorch_lightning", "pandas", "matplotlib", "tensorboard")
    from fer.training.training_run import training_run

    return training_run(config)


def main() -> None:
    """Run the command."""
    run_command(train, "train")


if __name__ == "__main__":
    main()
