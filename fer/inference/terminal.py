"""What a run shows on the terminal."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fer.inference.faces import Face
from fer.inference.results import FACES, JSON, Input


class Progress:
    """A bar over the inputs, and one over the frames of the current video; silent off a terminal.

    Args:
        total: inputs in all.
        done: of which are done already.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self._total, self._done = total, done
        self._bar: Any = None
        self._inputs: Any = None
        self._frames: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _ready(self) -> bool:
        """Start the bars; rich is only loaded where there is a terminal to draw on."""
        if self._bar is None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self._bar is not None

    def start(self, name: str) -> None:
        """Show which input is next."""
        if self._total > 1 and self._ready():
            if self._inputs is None:
                self._inputs = self._bar.add_task("", total=self._total, completed=self._done)
            self._bar.update(self._inputs, description=name if len(name) <= 40 else f"…{name[-39:]}")

    def advance(self) -> None:
        """Count an input as done."""
        if self._bar is not None:
            if self._inputs is not None:
                self._bar.advance(self._inputs)
            if self._frames is not None:
                self._bar.remove_task(self._frames)
                self._frames = None

    def frames(self, count: int) -> None:
        """Start a video of so many frames; 0 for unknown."""
        if self._ready():
            self._frames = self._bar.add_task("frames", total=count or None)

    def frame(self) -> None:
        """Count a frame as done."""
        if self._frames is not None:
            self._bar.advance(self._frames)

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        if self._bar is not None:
            self._bar.console.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
        else:
            print(message, file=sys.stderr, flush=True)


def print_faces(faces: Sequence[Face]) -> None:
    """Print a table with a row per face."""
    if not faces:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("face", "x, y", "size", "score", "expression", *faces[0].probabilities):
        table.add_column(column, justify="left" if column == "expression" else "right")
    for number, face in enumerate(faces, 1):
        x, y, width, height = face.box
        shares = (
            f"[bold]{value:.0%}[/bold]" if name == face.label else f"{value:.0%}"
            for name, value in face.probabilities.items()
        )
        place, size = f"{x:.0f}, {y:.0f}", f"{width:.0f}×{height:.0f}"
        table.add_row(str(number), place, size, f"{face.score:.3g}", f"[bold]{face.label}[/bold]", *shares)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_summary(folder: Path, inputs: Sequence[Input], labels: Counter[str], classes: Sequence[str]) -> None:
    """Print what was found and where it was written."""
    failed = [done for done in inputs if done.error]
    faces = sum(done.faces for done in inputs)
    frames = sum(done.frames for done in inputs)
    counts = ", ".join(f"{name} {labels[name]}" for name in classes if labels[name])
    where = f"{len(inputs)} inputs" if frames <= len(inputs) else f"{frames} frames of {len(inputs)} inputs"
    if len(inputs) == 1 and frames <= 1:
        where = inputs[0].source
    print(f"{faces} {'face' if faces == 1 else 'faces'} in {where}{f': {counts}' if counts else ''}")
    if failed:
        print(f"{len(failed)} of {len(inputs)} inputs could not be read, or not to their end:")
        for done in failed[:20]:
            print(f"  {done.error}")
        if len(failed) > 20:
            print(f"  … and {len(failed) - 20} more, all in inputs.csv")
    files = [name for name in (FACES, JSON, "annotated", "crops", "heatmaps") if (folder / name).exists()]
    print(f"written to {folder}: {', '.join(files)}")
