"""Put OpenCV's training binaries into the cache: `python -m cascade.tools`, or `make tools`."""

from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig
from rich.console import Console

from cascade.command import run_command
from cascade.opencv.tools.find import FACES_VEC, find_tools, tools_folder
from cascade.opencv.tools.install import install_tools
from cascade.ranges import Count


@dataclass
class ToolsSettings:
    """Names and types of all settings; `configs/cascade/tools.yaml` has their values and says what they mean."""

    jobs: Count | None
    sdist: str | None
    rebuild: bool


ConfigStore.instance().store(name="tools_schema", node=ToolsSettings)


def tools(config: DictConfig) -> None:
    """Compile the binaries as configured, unless they are there, and say where they are."""
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
