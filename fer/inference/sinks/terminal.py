"""What a run shows on the terminal: bars while it works, and what was found at the end."""

import sys
from collections import Counter
from typing import Any, Self

from cascade.text import printable
from fer.inference.faces import FrameFaces
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.inference.tables import FACES, JSON, Outcome
from fer.labels import UNSURE

_LISTED = 20  # errors that are printed again at the end


class TerminalSink(Sink):
    """A bar over the inputs and one over the frames of the current video, if there is a terminal; then a summary.

    Of `total` inputs in all, `outcomes` holds those that were done before, by name; it is added to.
    """

    def __init__(self, run: RunContext, total: int, outcomes: dict[str, Outcome]) -> None:
        super().__init__(run)
        self.total, self.outcomes = total, outcomes
        self._labels: Counter[str] = Counter()
        self._picture: FrameFaces | None = None
        self._bars: Any = None
        self._frames: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():  # rich takes its time to load
            from cascade.terminal import progress_bar

            self._bars = progress_bar().__enter__()
            done, many = len(self.outcomes), self.total > 1
            self._inputs = self._bars.add_task("", total=self.total, completed=done, visible=many)
        return self

    def take(self, seen: Seen) -> None:
        """Count a frame and its faces."""
        self._labels.update(face.shown for face in seen.faces)
        self._picture = seen.faces if seen.source.still else None
        if self._bars is None:
            return
        from rich.markup import escape

        name = printable(seen.source.name)
        self._bars.update(self._inputs, description=escape(name if len(name) <= 40 else f"…{name[-39:]}"))
        if not seen.source.still:
            if self._frames is None:
                self._frames = self._bars.add_task("frames", total=seen.source.count or None)
            self._bars.advance(self._frames)

    def finish(self, outcome: Outcome) -> None:
        """Count an input, and say what was wrong with it."""
        self.outcomes[outcome.source] = outcome
        if outcome.error:
            print(printable(outcome.error), file=sys.stderr, flush=True)  # above the bars: rich sees to that
        if self._bars is not None:
            self._bars.advance(self._inputs)
        if self._frames is not None:
            self._bars.remove_task(self._frames)
            self._frames = None

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()
        if error[0] is None:
            if self.total == 1 and self._picture:
                _print_faces(self._picture)
            self._print_summary()

    def _print_summary(self) -> None:
        outcomes, folder = self.outcomes.values(), self.run.folder
        count, frames = len(outcomes), sum(outcome.frames for outcome in outcomes)
        where = f"{count} inputs" if frames <= count else f"{frames} frames of {count} inputs"
        if count == 1 and frames <= 1:
            (where,) = self.outcomes
        faces = sum(outcome.faces for outcome in outcomes)
        shown = (*self.run.recogniser.classes, UNSURE)
        labels = ", ".join(f"{name} {n}" for name in shown if (n := self._labels[name]))
        found = f"{faces} {'face' if faces == 1 else 'faces'} in {where}{f': {labels}' if labels else ''}"
        print(printable(found))
        if failed := [f"  {outcome.error}" for outcome in outcomes if outcome.error]:
            print(f"{len(failed)} of {count} inputs could not be read, or not to their end:")
            if len(failed) > _LISTED:
                failed[_LISTED:] = [f"  … and {len(failed) - _LISTED} more, all in inputs.csv"]
            print(printable("\n".join(failed)))
        files = [
            name
            for name in (FACES, JSON, "report.html", "timelines", "annotated", "crops", "heatmaps")
            if (folder / name).exists()
        ]
        print(f"written to {folder}{': ' if files else ''}{', '.join(files)}")


def _print_faces(faces: FrameFaces) -> None:
    """Print a table with a row per face."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("face", "x, y", "size", "score", "expression", *map(escape, faces.classes))
    for column in table.columns:
        column.justify = "left" if column.header == "expression" else "right"
    for number, face in enumerate(faces, 1):
        x, y, width, height = face.box
        shares = [f"[bold]{p:.0%}" if name == face.label else f"{p:.0%}" for name, p in face.probabilities.items()]
        place, size = f"{x:.0f}, {y:.0f}", f"{width:.0f}×{height:.0f}"
        table.add_row(str(number), place, size, f"{face.score:.3g}", f"[bold]{escape(face.shown)}", *shares)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
