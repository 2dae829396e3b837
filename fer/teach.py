"""`python -m fer.teach teachers=[…] data.path=…`: networks judge the training faces that they have not learned."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from hydra.core.config_store import ConfigStore
from msgspec import Meta
from omegaconf import DictConfig

from cascade.command import run_command
from cascade.interrupts import loading
from cascade.ranges import Count, Seed


@dataclass
class TeachSettings:
    """Names and types of the settings beside the groups; `configs/teach.yaml` has their values and meaning."""

    data: Any
    augmentation: Any
    teachers: list[str]
    answers: str | None
    output: str | None
    views: Annotated[int, Meta(ge=0)]
    votes: str | None
    seed: Seed
    precision: Annotated[Any, Literal["32-true", "bf16-mixed"]]
    threads: Count | None


ConfigStore.instance().store(name="teach_schema", node=TeachSettings)


def teach(config: DictConfig) -> None:
    """Write the teachers' answers as configured."""
    with loading():
        from fer.training.answers import collect_answers

    collect_answers(config)


def main() -> None:
    """Run the command."""
    run_command(teach, "teach", extra="train")


if __name__ == "__main__":
    main()
