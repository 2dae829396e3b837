"""The files of a run: rows that survive any end, a record of what is done, and one JSON made of both.

`faces.csv` grows a row per face. `inputs.csv` gets a row per finished picture or video, after its faces:
rows in `faces.csv` of inputs that it does not name come from an interruption, and resuming removes them.
`job.json` says what the run is about: two runs can only be joined, or go on with each other, if that is the same.
"""

import csv
import io
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cascade.errors import OutputError
from cascade.files import whole, write_whole
from cascade.text import from_cell
from fer.labels import FACE_COLUMNS

FACES, INPUTS, JSON, JOB = "faces.csv", "inputs.csv", "faces.json", "job.json"


class Outcome(NamedTuple):
    """What came of a finished picture or video: a row of `inputs.csv`."""

    source: str  # its name in the results
    frames: int  # that were read, 1 for a picture that could be
    faces: int  # rows in `faces.csv`
    error: str = ""  # why it could not be read, or not to its end


class AppendedTable:
    """A table that only ever grows by whole blocks of rows: one that does not fit is taken back."""

    def __init__(self, path: Path) -> None:
        # unbuffered: what `append` returned from is with the system, whatever happens to the process
        self._file = path.open("ab", buffering=0)
        self.path, self.close = path, self._file.close

    def append(self, rows: Iterable[Iterable[Any]]) -> None:
        """Add rows at the end, or raise OutputError and leave the file as it was before."""
        data = as_csv(rows).encode("utf-8", "surrogateescape")
        before = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._file.truncate(before)
            raise OutputError(
                f"{self.path} cannot be written any further: {error.strerror}; what was written before is "
                f"whole, go on with resume=true"
            ) from error


def write_job(folder: Path, job: dict[str, Any]) -> None:
    """Record what a folder's results are about; raises OutputError."""
    write_whole(folder / JOB, json.dumps(job, indent=2) + "\n")


def read_job(folder: Path) -> dict[str, Any]:
    """What a folder's results are about; raises OutputError where it holds none, or that cannot be read."""
    try:
        job: dict[str, Any] = json.loads((folder / JOB).read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise OutputError(f"{folder.absolute()} holds no results of a run: there is no {JOB}") from error
    except (ValueError, RecursionError) as error:
        raise OutputError(f"{folder / JOB} cannot be read: {error}") from error
    if not isinstance(job, dict):
        raise OutputError(f"{folder / JOB} is damaged: it says nothing of a run")
    return job


def same_job(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two runs are about the same, so that one can go on with the other; their `inputs` are only counted."""
    return {**one, "inputs": 0} == {**other, "inputs": 0}


def run_to_resume(wanted: bool | str, job: dict[str, Any], runs: Path) -> Path:
    """The folder of the run to resume: that which is named, or for True the newest below `runs` of the same job."""
    if wanted is not True:
        folder = Path(str(wanted)).expanduser()
        read_job(folder)  # or an error
        return folder
    records = [*runs.glob(f"*/{JOB}"), *runs.glob(f"*/*/{JOB}")]
    for record in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True):
        if same_job(read_job(record.parent), job):
            return record.parent
    raise OutputError(
        f"nothing to resume: no run below {runs} has this source and these settings; name its folder with "
        f"resume=FOLDER, or leave resume out"
    )


def is_begun(folder: Path) -> bool:
    """Whether a folder holds the tables of a run; one that ended before them leaves at most its job."""
    return (folder / JOB).is_file() and (folder / FACES).is_file()


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """The finished inputs of a folder's results, by name; none where it holds no results."""
    if not is_begun(folder):
        return {}
    text, outcomes = _text_of(folder), {}
    rows = _read(folder / INPUTS)
    if next(rows, []) != list(Outcome._fields):
        raise OutputError(f"{folder / INPUTS} is damaged: its first row does not name its columns")
    for number, row in enumerate(rows, 2):
        try:
            source, frames, faces, error = row
            outcome = Outcome(text(source), int(frames), int(faces), text(error))
        except ValueError:
            raise OutputError(f"{folder / INPUTS} is damaged in row {number}: {','.join(row)[:80]}") from None
        outcomes[outcome.source] = outcome
    return outcomes


def _text_of(folder: Path) -> Callable[[str], str]:
    """What makes texts of a folder's cells."""
    return from_cell if read_job(folder).get("guard_cells") else str


def copy_finished(tables: Sequence[Path], target: Path, columns: Sequence[str] | None = None) -> None:
    """Join the rows of tables into one, but for those of unfinished inputs; they need not fit into memory.

    Args:
        tables: `faces.csv` of each folder, or `inputs.csv` of each.
        target: the table to write.
        columns: their names; those of the first table by default.

    Raises:
        OutputError: a table cannot be read, has other columns, or not the faces that the inputs had.
    """
    with whole(target) as part, part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        for table in tables:
            done, text, rows = read_outcomes(table.parent), _text_of(table.parent), _read(table)
            found = next(rows, [])
            columns = columns or found
            if found != list(columns):
                raise OutputError(
                    f"{table} has other columns than this version and this model write, or than the others"
                )
            if table is tables[0]:
                file.write(as_csv([columns]))
            left = Counter({source: outcome.faces for source, outcome in done.items()})
            for row in rows:
                if row and (source := text(row[0])) in done:
                    file.write(as_csv([row]))
                    left[source] -= 1
            if table.name == FACES and (wrong := next((source for source in left if left[source]), None)) is not None:
                raise OutputError(
                    f"{table} is damaged: it holds {done[wrong].faces - left[wrong]} faces of {wrong}, where "
                    f"{INPUTS} says {done[wrong].faces}"
                )


def write_json(folder: Path) -> None:
    """Write `faces.json` from the tables, a face at a time, so that an hour of video needs no memory.

    Raises:
        OutputError: the table has other columns than this version's.
    """
    inputs = [outcome._asdict() for outcome in read_outcomes(folder).values()]
    faces = read_faces(folder)
    with whole(folder / JSON) as part, part.open("w") as file:
        file.write(f'{{"job": {json.dumps(read_job(folder))},\n"inputs": {json.dumps(inputs)},\n"faces": [')
        for number, face in enumerate(faces):
            file.write(("," if number else "") + "\n" + json.dumps(face))
        file.write("\n]}\n")


def read_faces(folder: Path) -> Iterator[dict[str, Any]]:
    """The faces of a folder's results, as `faces.json` has them, one at a time.

    Raises:
        OutputError: the table has other columns than this version's, or is damaged.
    """
    rows = _read(folder / FACES)
    columns = next(rows, [])
    text = _text_of(folder)
    classes = [text(name) for name in columns[len(FACE_COLUMNS) :]]
    if columns[: len(FACE_COLUMNS)] != [*FACE_COLUMNS]:
        raise OutputError(f"{folder / FACES} was written by another version, which has to read it")
    for number, row in enumerate(rows, 2):
        try:
            yield _as_json(row, classes, text)
        except ValueError:
            raise OutputError(f"{folder / FACES} is damaged in row {number}: {','.join(row)[:80]}") from None


def _as_json(row: list[str], classes: list[str], text: Callable[[str], str]) -> dict[str, Any]:
    source, frame, time_s, track, x, y, width, height, score, label, unsure, *shares = row
    return {
        "source": text(source),
        "frame": int(frame),
        "time_s": _number(time_s) if time_s else None,
        "track_id": int(track) if track else None,
        "box": [_number(value) for value in (x, y, width, height)],
        "score": _number(score),
        "label": text(label),
        "unsure": unsure == "true",
        "probabilities": dict(zip(classes, map(_number, shares), strict=True)),
    }


def _number(text: str) -> float:
    """A number of a table; ValueError for what is none, `nan` included, which JSON has not."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _read(table: Path) -> Iterator[list[str]]:
    """The rows of a table, one at a time, that of its columns' names first; raises OutputError for what is none."""
    try:
        with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield from csv.reader(file)
    except (OSError, csv.Error) as error:
        raise OutputError(f"{table} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as the tables hold them."""
    lines = []
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow(row)  # with "\r\n" at its end: with "\n" alone a lone "\r" would not be quoted
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)
