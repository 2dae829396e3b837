"""Keeping a training's figures: a CSV, and TensorBoard's event files."""

import csv
from dataclasses import asdict, fields
from pathlib import Path

from tensorboard.summary import Writer

from cascade.opencv.log import Stage, TrainingLog

CSV_NAME = "stages.csv"
_COLUMNS = [field.name for field in fields(Stage) if field.name != "finished"]


class StageTable:
    """An observer that adds a row to `stages.csv` for each finished stage.

    Rows of stages that are trained anew are replaced, those before are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CSV_NAME

    def update(self, log: TrainingLog) -> None:
        """Nothing to keep between stages."""

    def stage_finished(self, stage: Stage) -> None:
        """Write the stage's row."""
        rows = [row for row in read_stages(self._path) if row.index < stage.index]
        with self._path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, _COLUMNS, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in [*rows, stage])


class TensorBoardStages:
    """An observer that writes the figures of each stage, and of each round in it, for TensorBoard.

    The step of `stage/…` is the stage's number, that of `round/…` the number of weak trees so far.
    """

    def __init__(self, folder: Path, weak_before: int = 0) -> None:
        self._writer = Writer(str(folder))
        self._weak_before = weak_before
        self._last = 0

    def update(self, log: TrainingLog) -> None:
        """Write the round's figures when there is a new one."""
        if not log.stages or (stage := log.stages[-1]).weak in (0, self._last):
            return
        self._last = stage.weak
        step = self._weak_before + stage.weak
        self._writer.add_scalar("round/hit_rate", stage.hit_rate, step)
        self._writer.add_scalar("round/false_alarm_rate", stage.false_alarm_rate, step)

    def stage_finished(self, stage: Stage) -> None:
        """Write the stage's figures."""
        for name in _COLUMNS:
            if name != "index":
                self._writer.add_scalar(f"stage/{name}", float(getattr(stage, name)), stage.index)
        self._writer.flush()
        self._weak_before += stage.weak
        self._last = 0


def read_stages(path: Path) -> list[Stage]:
    """Read the rows of `stages.csv`; none when it does not exist."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        return [_stage(row) for row in csv.DictReader(handle)]


def _stage(row: dict[str, str]) -> Stage:
    stage = Stage(int(row["index"]), finished=True)
    for name in _COLUMNS:
        setattr(stage, name, type(getattr(stage, name))(row[name]))
    return stage
