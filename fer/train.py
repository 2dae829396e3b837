"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

from omegaconf import DictConfig

from cascade.command import run_command


def train(config: DictConfig) -> float | None:
    """Run once as configured; return the monitored metric, which sweeps optimise."""
    from fer.training.experiment import run_experiment

    return run_experiment(config)


def main() -> None:
    """Run the command."""
    run_command(train, "train", extra="train")


if __name__ == "__main__":
    main()
