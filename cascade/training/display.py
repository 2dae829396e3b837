"""Showing a training while it runs: a row per stage, and on a terminal what is being done just now."""

import math
import time

from rich.console import Console
from rich.text import Text

from cascade.training.trainer import Observer, Stage

_HEADINGS = {"positives_consumed": "looked at", "acceptance_ratio": "accepted", "false_alarm_rate": "false alarms"}
_FORMATS = {"acceptance_ratio": ".3g", "hit_rate": ".4f", "false_alarm_rate": ".4f", "seconds": ".1f"}


class StageDisplay(Observer):
    """Prints a row of figures for each finished stage, those of earlier runs `before` all; `close` it in the end."""

    def __init__(self, console: Console, stages_asked_for: int, before: list[Stage]) -> None:
        self._console = console
        self._last = stages_asked_for - 1
        self._headed = False
        self._status = console.status("")
        self._said = time.monotonic()
        for stage in before:
            self.stage_finished(stage)

    def close(self) -> None:
        """Show nothing any more."""
        self._status.stop()

    def update(self, stage: Stage | None, activity: str) -> None:
        """Show it; off a terminal, as a sign of life every minute."""
        text = activity if stage is None else f"stage {stage.index} of 0..{self._last}: {activity}"
        if self._console.is_terminal:
            self._status.start()  # not before: a trainer may have bars of its own while it gets ready
            self._status.update(text)
        elif time.monotonic() - self._said > 60:
            self._print(text)

    def stage_finished(self, stage: Stage) -> None:
        """Print its row."""
        columns = {name: _HEADINGS.get(name, name.replace("_", " ")).rjust(6) for name in stage.figures()}
        if not self._headed:
            self._headed = True
            self._print(*columns.values())
        self._print(*(_shown(name, value).rjust(len(columns[name])) for name, value in stage.figures().items()))

    def noted(self, text: str) -> None:
        """Print it as a warning."""
        warn(self._console, text)

    def _print(self, *texts: str) -> None:
        self._said = time.monotonic()
        self._console.print("  ".join(texts), soft_wrap=True, highlight=False)


def warn(console: Console, text: str, label: str = "warning", style: str = "yellow") -> None:
    """Print what may go wrong."""
    console.print(Text.assemble((f"{label}:", style), f" {text}"), soft_wrap=True)


def _shown(name: str, value: float) -> str:
    return "" if math.isnan(value) else format(value, _FORMATS.get(name, ".4g" if isinstance(value, float) else ""))
