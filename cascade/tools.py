"""Put OpenCV's training binaries into the cache: `python -m cascade.tools`, or `make tools`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from cascade.errors import UserError
from cascade.opencv.tools.cache import CACHE_VARIABLE
from cascade.opencv.tools.find import FACES_VEC, find_tools
from cascade.opencv.tools.install import install_tools


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m cascade.tools",
        description="Compile opencv_createsamples and opencv_traincascade, once, into a cache folder. "
        "Binaries that are already on PATH are used as they are.",
        epilog=f"The cache is ~/.cache/fer-cascade, or the folder that ${CACHE_VARIABLE} names.",
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="compilations at a time (all cores)")
    parser.add_argument("--sdist", type=Path, metavar="FILE", help="the source archive, for a machine without network")
    parser.add_argument("--rebuild", action="store_true", help="compile again, even with binaries in place")
    options = parser.parse_args(arguments)
    if options.jobs is not None and options.jobs < 1:
        parser.error("--jobs must be at least 1")
    console = Console()
    try:
        tools = None if options.rebuild else find_tools()
        if tools is None:
            tools = install_tools(jobs=options.jobs, archive=options.sdist, rebuild=options.rebuild, console=console)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing is left behind but the log", file=sys.stderr)
        return 130
    console.print(
        f"{tools.createsamples}\n{tools.traincascade}  (from {tools.origin})", soft_wrap=True, highlight=False
    )
    if tools.data is not None:
        console.print(
            f"{tools.data / FACES_VEC}: 16,520 faces of 24x24; OpenCV's LBP cascades beside it", soft_wrap=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
