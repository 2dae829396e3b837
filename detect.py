"""Find faces and read their expressions: `python detect.py source=photo.jpg`."""

import re
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

import cascade.errors
from fer.errors import UserError, reported
from fer.inference.detector import Detector
from fer.inference.run import run


@hydra.main(version_base="1.3", config_path="configs", config_name="detect")
@reported
def main(config: DictConfig) -> None:
    """Look at a source as configured; the exit status tells how it went."""

    def build_detector() -> Detector:
        try:
            detector: Detector = instantiate(config.detector)
        except InstantiationException as error:
            if isinstance(error.__cause__, cascade.errors.UserError):
                raise UserError(str(error.__cause__)) from error
            raise
        return detector

    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    multirun = hydra_config.mode == RunMode.MULTIRUN
    status = run(config, build_detector, folder, folder.parents[1 if multirun else 0])
    # other shards of a multirun go on; `python -m fer.inference.join` tells what failed in any of them
    if status and not multirun:
        sys.exit(status)


def quoted(argument: str) -> str:
    """Quote a path on the command line that Hydra's grammar would not take, such as `source=a (1).jpg`."""
    key, separator, value = argument.partition("=")
    plain = re.fullmatch(r"[\w/.:\\+%@?|*~-]*", value, re.ASCII) or value[:1] in ("'", '"')
    if not separator or key not in ("source", "classifier", "resume", "save.video") or plain:
        return argument
    escaped = value.replace("'", "\\'")
    return f"{key}='{escaped}'"


if __name__ == "__main__":
    sys.argv[1:] = [quoted(argument) for argument in sys.argv[1:]]
    main()
