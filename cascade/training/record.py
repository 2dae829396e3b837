"""Keeping a training's figures: a CSV, and TensorBoard's event files."""

import csv
from dataclasses import fields
from pathlib import Path
from typing import Any

from cascade.files import whole
from cascade.training.trainer import Observer, Stage

CSV_NAME = "stages.csv"


class StageTable(Observer):
    """Adds a row to `stages.csv` for each finished stage; rows of stages that are trained anew are replaced."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CSV_NAME

    def stage_finished(self, stage: Stage) -> None:
        """Write the stage's row."""
        before = [row for row in read_stages(self._path) if row.index < stage.index]
        with whole(self._path) as part, part.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(stage.figures()), extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(row.figures() for row in [*before, stage])


class TensorBoardStages(Observer):
    """Writes the figures of each stage, and of each round in it, for TensorBoard.

    The step of `stage/…` is the stage's number, that of `round/…` the number of rounds so far, of earlier runs, too.
    """

    def __init__(self, folder: Path, rounds_before: int = 0) -> None:
        from tensorboard.summary import Writer  # optional, and slow to import

        self._writer = Writer(str(folder))
        self._before = rounds_before
        self._last = 0

    def update(self, stage: Stage | None, activity: str) -> None:
        """Write the round's figures when there is a new one."""
        if stage is None or stage.finished or stage.rounds in (0, self._last):
            return
        self._last = stage.rounds
        for name in ("hit_rate", "false_alarm_rate"):
            self._writer.add_scalar(f"round/{name}", getattr(stage, name), self._before + stage.rounds)

    def stage_finished(self, stage: Stage) -> None:
        """Write the stage's figures."""
        for name, value in stage.figures().items():
            if name != "index":
                self._writer.add_scalar(f"stage/{name}", float(value), stage.index)
        self._writer.flush()
        self._before += stage.rounds
        self._last = 0


def read_stages(path: Path) -> list[Stage]:
    """Read the rows of `stages.csv`; none when it does not exist."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return [_stage(row) for row in csv.DictReader(handle)]


def _stage(row: dict[str, str]) -> Stage:
    numbers: dict[str, Any] = {name: int(text) if text.isdigit() else float(text) for name, text in row.items() if text}
    shared = {field.name for field in fields(Stage)}
    own = {name: numbers.pop(name) for name in list(numbers) if name not in shared}
    return Stage(**numbers, own=own, finished=True)
