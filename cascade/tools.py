"""Put OpenCV's training binaries into the cache: `python -m cascade.tools`, or `make tools`."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from cascade.command import run_command
from cascade.errors import ConfigError
from cascade.opencv.tools.find import FACES_VEC, find_tools, tools_folder
from cascade.opencv.tools.install import install_tools


def tools(config: DictConfig) -> None:
    """Compile the binaries as configured, unless they are there, and say where they are."""
    if config.jobs is not None and (not isinstance(config.jobs, int) or config.jobs < 1):
        raise ConfigError(f"jobs is {config.jobs}; it must be at least 1")
    console = Console()
    archive = None if config.sdist is None else Path(config.sdist).expanduser()
    found = None if config.rebuild else find_tools()
    found = found or install_tools(jobs=config.jobs, archive=archive, rebuild=config.rebuild, console=console)
    text = f"{found.createsamples}\n{found.traincascade}  (from {found.origin})"
    if found.origin == "cache":
        text += f"\n{tools_folder() / 'data' / FACES_VEC}: 16,520 faces of 24x24; OpenCV's LBP cascades beside it"
    console.print(text, soft_wrap=True, highlight=False)


def main() -> None:
    """Run the command."""
    run_command(tools, "tools", "cascade")


if __name__ == "__main__":
    main()
