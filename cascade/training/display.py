"""Showing a training while it runs: a table that grows on a terminal, a line per stage elsewhere."""

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from cascade.opencv.log import Stage, TrainingLog

_SHOWN = 20


class StageDisplay:
    """An observer that shows each stage as it grows.

    Args:
        console: where to show it.
        stages: the number of stages asked for.
        before: stages of earlier runs, shown above.
    """

    def __init__(self, console: Console, stages: int, before: list[Stage] | None = None) -> None:
        self._console = console
        self._stages = stages
        self._before = list(before or [])
        self._log = TrainingLog()
        self._spinner = Spinner("dots")
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render)
        self._said = time.monotonic()

    def __enter__(self) -> "StageDisplay":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def update(self, log: TrainingLog) -> None:
        """Keep the figures for the next refresh; off a terminal, give a sign of life every minute."""
        self._log = log
        if not self._console.is_terminal and log.stages and time.monotonic() - self._said > 60:
            self._said = time.monotonic()
            self._console.print(f"  stage {log.stages[-1].index}: {_activity(log)}", soft_wrap=True)

    def stage_finished(self, stage: Stage) -> None:
        """Say it, off a terminal."""
        if not self._console.is_terminal:
            self._said = time.monotonic()
            self._console.print(
                f"stage {stage.index} of 0..{self._stages - 1}: {stage.positives} positives "
                f"({stage.positives_consumed} looked at), {stage.negatives} negatives (acceptance ratio "
                f"{stage.acceptance_ratio:.3g}), {stage.weak} weak trees, hit rate {stage.hit_rate:.4f}, "
                f"false alarms {stage.false_alarm_rate:.4f}, {stage.seconds:.1f} s",
                soft_wrap=True,
                highlight=False,
            )

    def _render(self) -> RenderableType:
        table = Table(title="Cascade", title_justify="left")
        for heading in ("stage", "pos", "looked at", "neg", "accept. ratio", "weak", "hit rate", "false al.", "time"):
            table.add_column(heading, justify="right")
        rows = [*self._before, *self._log.stages]
        for stage in rows[-_SHOWN:]:
            table.add_row(*_cells(stage), style="" if stage.finished else "bold")
        done = len(self._before) + len(self._log.finished)
        if done >= self._stages:
            return table
        self._spinner.update(text=f"{done} of {self._stages} stages; {_activity(self._log)}")
        return Group(table, self._spinner)


def _activity(log: TrainingLog) -> str:
    if log.activity == "boosting":
        stage = log.stages[-1]
        return f"boosting: {stage.weak} weak trees, false alarms {stage.false_alarm_rate:.3f}"
    return log.activity


def _cells(stage: Stage) -> tuple[str, ...]:
    cells = (
        str(stage.index),
        str(stage.positives),
        str(stage.positives_consumed),
        str(stage.negatives),
        f"{stage.acceptance_ratio:.3g}",
        str(stage.weak),
        f"{stage.hit_rate:.4f}",
        f"{stage.false_alarm_rate:.4f}",
        f"{stage.seconds:.0f} s",
    )
    return tuple("" if cell == "nan" else cell for cell in cells)
