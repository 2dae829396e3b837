"""How well a model reads faces under worse conditions: `python -m fer.robustness ckpt_path=… data.path=…`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from cascade.command import output_dir, run_command
from cascade.interrupts import loading
from cascade.ranges import Count, Seed


@dataclass
class RobustnessSettings:
    """Names and types of the settings beside the group; `configs/robustness.yaml` has their values and meaning."""

    data: Any
    ckpt_path: str
    split: Annotated[Any, Literal["val", "test"]]
    groups: str | None
    faces: Count | None
    seed: Seed
    threads: Count | None
    augmentation: Any


ConfigStore.instance().store(name="robustness_schema", node=RobustnessSettings)


def robustness(config: DictConfig) -> None:
    """Measure as configured; figures, a table and plots go to the run's folder."""
    with loading():
        from fer.training.robustness import measure_configured

    measure_configured(config, output_dir())


def main() -> None:
    """Run the command."""
    run_command(robustness, "robustness", positional=("ckpt_path",), extra="train")


if __name__ == "__main__":
    main()
