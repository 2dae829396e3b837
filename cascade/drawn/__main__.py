"""Write drawn faces and scenes: `python -m cascade.drawn chips drawn positives=500`."""

from functools import partial
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from cascade.command import run_command
from cascade.errors import ConfigError
from cascade.terminal import progress_bar


def draw(config: DictConfig) -> None:
    """Write what the config describes, and print where."""
    settings = {str(key): value for key, value in OmegaConf.to_container(config).items()}  # type: ignore[union-attr]
    out = settings["out"]
    if "_target_" not in settings or not isinstance(out, str | int) or out == "???":
        raise ConfigError("name what to draw and one file or folder to make: python -m cascade.drawn chips drawn")
    path = Path(str(out)).expanduser()
    try:
        with progress_bar() as bar:
            instantiate(config, out=path, track=partial(bar.track, description=f"Drawing {path}"))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; nothing was written") from None
    print(path)


def main() -> None:
    """Run the command."""
    run_command(draw, "draw", "cascade", positional=("draw", "out"))


if __name__ == "__main__":
    main()
