"""The files of a run: rows that survive any end, a record of what is done, and one JSON made of both.

`faces.csv` grows a row per face. `inputs.csv` gets a row per finished picture or video, after its faces:
rows in `faces.csv` of inputs that it does not name come from an interruption, and resuming removes them.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade.errors import OutputError
from fer.inference.faces import Face

FACES, INPUTS, JSON, JOB = "faces.csv", "inputs.csv", "faces.json", "job.json"
_FACE_COLUMNS = ("source", "frame", "time_s", "track_id", "x", "y", "width", "height", "score", "label")
_INPUT_COLUMNS = ("source", "frames", "faces", "error")


@dataclass(frozen=True)
class Input:
    """A finished picture or video.

    Attributes:
        source: its name in the results.
        frames: frames read, 1 for a picture that could be read.
        faces: rows in `faces.csv`.
        error: why it could not be read, or not to its end; empty if it could.
    """

    source: str
    frames: int
    faces: int
    error: str = ""


class AppendedFile:
    """A text file that only ever grows by whole blocks: one that does not fit is taken back.

    Args:
        path: opened for appending; made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # unbuffered: what `append` returned from is with the system, whatever happens to the process
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error

    def append(self, text: str) -> None:
        """Add a block at the end.

        Raises:
            OutputError: it cannot be written; the file is as it was before.
        """
        if not text:
            return
        data = text.encode()
        whole = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._file.truncate(whole)
            raise OutputError(
                f"{self.path} cannot be written any further: {error.strerror}; what was written before is "
                f"whole, go on with resume=true"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Results:
    """Writes a run's files.

    Args:
        folder: where; made on the first write.
        classes: names of the expressions, for the columns.
        job: plain values that say what the run is about; a resumed run must have the same.

    Raises:
        OutputError: the folder holds another run's results, or cannot be written.
    """

    def __init__(self, folder: Path, classes: Sequence[str], job: dict[str, Any]) -> None:
        self.folder = folder
        self.job = job
        self._classes = tuple(classes)
        earlier = read_job(folder)
        if earlier is not None and earlier != job:
            changed = sorted(k for k in {*earlier, *job} if earlier.get(k) != job.get(k))
            raise OutputError(
                f"{folder} holds the results of another run; its {', '.join(changed)} differ from this one's"
            )
        self.done = _recover(folder) if earlier is not None else {}
        self._faces = AppendedFile(folder / FACES)
        self._inputs = AppendedFile(folder / INPUTS)
        if earlier is None:
            write_whole(folder / JOB, json.dumps(job, indent=2) + "\n")
            self._faces.append(_line([*_FACE_COLUMNS, *self._classes]))
            self._inputs.append(_line(_INPUT_COLUMNS))

    def add(self, source: str, faces: Iterable[Face]) -> None:
        """Append the faces of one picture or frame."""
        self._faces.append("".join(_line(_face_row(source, face)) for face in faces))

    def finish(self, done: Input) -> None:
        """Record that an input is done."""
        self._inputs.append(_line([done.source, done.frames, done.faces, done.error]))
        self.done[done.source] = done

    def close(self, *, with_json: bool = True) -> None:
        """Close the tables and write `faces.json` from them."""
        self._faces.close()
        self._inputs.close()
        if with_json:
            write_json(self.folder)


def read_job(folder: Path) -> dict[str, Any] | None:
    """What a folder's results are about; None where it holds none.

    Raises:
        OutputError: it cannot be read.
    """
    path = folder / JOB
    if not path.is_file():
        return None
    try:
        job: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {error}") from error
    return job


def read_inputs(folder: Path) -> dict[str, Input]:
    """The finished inputs of a folder's results, by name."""
    rows = _rows(folder / INPUTS)
    return {r["source"]: Input(r["source"], int(r["frames"]), int(r["faces"]), r["error"]) for r in rows}


def read_faces(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of a folder's `faces.csv`, one at a time."""
    yield from _rows(folder / FACES)


def write_json(folder: Path) -> None:
    """Write `faces.json` from the tables, a face at a time, so that an hour of video needs no memory.

    Raises:
        OutputError: the disk is full; the tables hold the same.
    """
    path, temporary = folder / JSON, folder / f".{JSON}.tmp"
    try:
        with temporary.open("w") as file:
            inputs = [vars(done) for done in read_inputs(folder).values()]
            file.write(f'{{"job": {json.dumps(read_job(folder))},\n"inputs": {json.dumps(inputs)},\n"faces": [')
            for number, row in enumerate(read_faces(folder)):
                file.write(("," if number else "") + "\n" + json.dumps(_face_values(row)))
            file.write("\n]}\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}; {FACES} holds the same") from error


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that appears only when it is complete.

    Raises:
        OutputError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {error.strerror}; go on with resume=true") from error


def _recover(folder: Path) -> dict[str, Input]:
    """Remove the rows of inputs that were not finished; return the finished ones."""
    done = read_inputs(folder)
    path, temporary = folder / FACES, folder / f".{FACES}.tmp"
    with path.open(newline="") as old, temporary.open("w", newline="") as new:
        reader = csv.reader(old)
        for number, row in enumerate(reader):
            if number == 0 or (row and row[0] in done):
                new.write(_line(row))
    temporary.replace(path)
    return done


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error


def _face_row(source: str, face: Face) -> list[Any]:
    return [
        source,
        face.frame,
        "" if face.time_s is None else f"{face.time_s:.3f}",
        "" if face.track_id is None else face.track_id,
        *(f"{value:.1f}" for value in face.box),
        f"{face.score:.4g}",
        face.label,
        *(f"{value:.6f}" for value in face.probabilities.values()),
    ]


def _face_values(row: dict[str, str]) -> dict[str, Any]:
    names = list(row)[len(_FACE_COLUMNS) :]
    return {
        "source": row["source"],
        "frame": int(row["frame"]),
        "time_s": float(row["time_s"]) if row["time_s"] else None,
        "track_id": int(row["track_id"]) if row["track_id"] else None,
        "box": [float(row[name]) for name in ("x", "y", "width", "height")],
        "score": float(row["score"]),
        "label": row["label"],
        "probabilities": {name: float(row[name]) for name in names},
    }


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
