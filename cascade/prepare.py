"""Make samples for training: `python -m cascade.prepare positives=FOLDER negatives=FOLDER`."""

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import output_dir, run_command, settings
from cascade.samples.run import PrepareConfig, run_preparation

ConfigStore.instance().store(name="prepare_schema", node=PrepareConfig)


def prepare(config: DictConfig) -> None:
    """Prepare once as configured."""
    run_preparation(settings(config, PrepareConfig), output_dir(), Console())


def main() -> None:
    """Run the command."""
    run_command(prepare, "prepare", "cascade")


if __name__ == "__main__":
    main()
