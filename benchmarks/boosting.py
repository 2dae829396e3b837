"""Training time of boosted cascades, stage by stage: ours beside opencv_traincascade, on the same samples.

    python -m benchmarks.boosting outputs/samples/faces [OPTION=VALUE …] [--out FOLDER] [--only boost]

One after the other they train `experiment=seed` with the same options, ours without nesting, as the binary cannot. Each
works on all cores of an otherwise idle machine; what counts are the ratios. A training that was cut short goes on with
the same command. Peak memory is that of the command, with the binary's where that is the one that trains.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cascade.training.record import read_stages
from cascade.training.trainer import Stage

_KEPT = "peak_memory.txt"


def train(trainer: str, samples: Path, options: list[str], out: Path) -> tuple[list[Stage], float]:
    """Train to the end; returns the stages, and the peak of memory in MB."""
    chosen = [f"trainer={trainer}", "experiment=seed", f"samples={samples.absolute()}", *options]
    chosen += ["options.nested=false"] if trainer == "boost" else []
    command = [sys.executable, "-m", "cascade.train", *chosen, f"hydra.run.dir={(out / trainer).absolute()}"]
    process = subprocess.Popen([*command, "accept_early_stop=true", "tensorboard=false"])
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    if process.returncode:
        raise SystemExit(process.returncode)
    kept = out / trainer / _KEPT
    peak = max(peak, int(kept.read_text()) if kept.is_file() else 0)  # of an earlier part of the training
    kept.write_text(str(peak))
    return read_stages(out / trainer / "stages.csv"), peak / 2**20


def _memory(pid: int) -> int:
    """Bytes that a process and those that it started hold; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_memory(int(child)) for child in children)


def table(ours: list[Stage], theirs: list[Stage]) -> Table:
    """Seconds and trees of each stage side by side."""
    shown = Table("stage", "ours: s", "trees", "accepted", "opencv: s", "trees", "accepted", "times as fast", box=None)
    for mine, other in zip(ours, theirs, strict=False):
        columns = [str(mine.index)]
        for stage in (mine, other):
            columns += [f"{stage.seconds:.1f}", str(stage.rounds), f"{stage.acceptance_ratio:.2g}"]
        shown.add_row(*columns, f"{other.seconds / mine.seconds:.0f}")
    return shown


def main() -> None:
    """Read the arguments, train, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("samples", type=Path, help="folder that python -m cascade.prepare made, of 21×24 pixels")
    parser.add_argument("options", nargs="*", help="of both, such as options.numStages=12")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/benchmarks/boosting"), help="folder for both trainings"
    )
    parser.add_argument("--only", choices=("boost", "opencv"), help="train with one of them")
    given = parser.parse_args()
    stages, memory = {}, {}
    for trainer in ("boost", "opencv"):
        if given.only in (None, trainer):
            stages[trainer], memory[trainer] = train(trainer, given.samples, given.options, given.out)
    console = Console()
    if given.only is None:
        console.print(table(stages["boost"], stages["opencv"]))
    for trainer, trained in stages.items():
        seconds = sum(stage.seconds for stage in trained)
        console.print(f"{trainer}: {len(trained)} stages, {seconds:.0f} s, {memory[trainer]:.0f} MB", highlight=False)
    if given.only is None:
        ours, theirs = (sum(stage.seconds for stage in stages[trainer]) for trainer in ("boost", "opencv"))
        console.print(f"{theirs / ours:.1f} times as fast", highlight=False)


if __name__ == "__main__":
    main()
