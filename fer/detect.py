"""Find faces and read their expressions: `python detect.py source=photo.jpg`."""

import sys

from hydra.utils import instantiate
from omegaconf import DictConfig

from cascade.command import is_multirun, output_dir, run_command
from fer.inference.run import run


def detect(config: DictConfig) -> None:
    """Look at a source as configured; the exit status tells how it went."""
    folder = output_dir()
    status = run(config, lambda: instantiate(config.detector), folder, folder.parents[1 if is_multirun() else 0])
    # other shards of a multirun go on; `python -m fer.inference.join` tells what failed in any of them
    if status and not is_multirun():
        sys.exit(status)


def main() -> None:
    """Run the command."""
    run_command(detect, "detect", positional=("source",))


if __name__ == "__main__":
    main()
