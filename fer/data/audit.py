"""`python -m fer.data.audit`: report what is wrong with a data set, with a contact sheet per class."""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import DictConfig

from cascade.command import output_dir, run_command
from cascade.interrupts import loading
from cascade.ranges import Count, NotNegative, Seed


@dataclass
class AuditSettings:
    """Names and types of the settings beside the group; `configs/audit.yaml` has their values and meaning."""

    data: Any
    blank_below: NotNegative
    faces_per_sheet: Count
    seed: Seed
    augmentation: Any


ConfigStore.instance().store(name="audit_schema", node=AuditSettings)


def audit_source(config: DictConfig) -> None:
    """Load the configured source and report its flaws in the run's folder."""
    with loading():
        from fer.data.flaws import report_flaws

    data = instantiate(config.data)
    report_flaws(
        data.splits,
        data.source.classes,
        output_dir(),
        blank_below=config.blank_below,
        faces_per_sheet=config.faces_per_sheet,
        seed=config.seed,
    )


def main() -> None:
    """Run the command."""
    run_command(audit_source, "audit", extra="train")


if __name__ == "__main__":
    main()
