"""`python -m fer.data.audit`: report what is wrong with a data set, with a contact sheet per class."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from cascade.command import output_dir, run_command


def audit_source(config: DictConfig) -> None:
    """Load the configured source and report its flaws in the run's folder."""
    from fer.data.flaws import report_flaws

    splits = instantiate(config.data).splits
    report_flaws(splits, output_dir(), config.blank_below, config.faces_per_sheet, config.seed)


def main() -> None:
    """Run the command."""
    run_command(audit_source, "audit", extra="train")


if __name__ == "__main__":
    main()
