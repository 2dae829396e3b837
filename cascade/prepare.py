"""Make samples for training: `python -m cascade.prepare positives=FOLDER negatives=FOLDER`."""

from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import CONFIGS, reported, run_command, settings
from cascade.samples.run import PrepareConfig, run_preparation

ConfigStore.instance().store(name="prepare_schema", node=PrepareConfig)


@hydra.main(version_base="1.3", config_path=CONFIGS, config_name="prepare")
@reported
def main(config: DictConfig) -> None:
    """Prepare once as configured."""
    run_preparation(settings(config, PrepareConfig), Path(HydraConfig.get().runtime.output_dir), Console())


if __name__ == "__main__":
    run_command(main)
