"""Train and evaluate an expression classifier: `python train.py data.path=fer2013.csv`."""

import hydra
from omegaconf import DictConfig

from fer.errors import reported
from fer.training.run import run


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
@reported
def main(config: DictConfig) -> float | None:
    """Run once as configured; return the monitored metric, which sweeps optimise."""
    return run(config)


if __name__ == "__main__":
    main()
