"""The faces as a table: `faces.csv`, `inputs.csv`, `faces.json`."""

from typing import Any, Self

from cascade.errors import OutputError
from cascade.files import write_whole
from cascade.text import cell
from fer.inference import tables
from fer.inference.faces import Face
from fer.inference.sinks.sink import RunContext, Seen, Sink
from fer.labels import FACE_COLUMNS


class TableSink(Sink):
    """Appends a row per face and a row per finished input; goes on where an earlier run of the same job ended.

    Where `json` is true, `faces.json` is made of the tables at the end. Where the run's job says `guard_cells`, no
    spreadsheet takes a name for a formula. Entering raises OutputError where the folder holds another run's results.
    """

    def __init__(self, run: RunContext, json: bool = True) -> None:
        super().__init__(run)
        self.json, self._cell = json, cell if run.job.get("guard_cells") else str

    def __enter__(self) -> Self:
        folder, job = self.run.folder, self.run.job
        faces, inputs = folder / tables.FACES, folder / tables.INPUTS
        if not (folder / tables.JOB).is_file():
            tables.write_job(folder, job)
        elif not tables.same_job(earlier := tables.read_job(folder), job):
            changed = ", ".join(sorted(key for key in {*earlier, *job} if earlier.get(key) != job.get(key)))
            raise OutputError(f"{folder} holds the results of another run; its {changed} differ from this one's")
        columns = [*FACE_COLUMNS, *map(self._cell, self.run.recogniser.classes)]
        if tables.is_begun(folder):
            tables.copy_finished([faces], faces, columns)
        else:  # what `is_begun` looks for comes last
            write_whole(inputs, tables.as_csv([tables.Outcome._fields]))
            write_whole(faces, tables.as_csv([columns]))
        self._faces, self._inputs = tables.AppendedTable(faces), tables.AppendedTable(inputs)
        return self

    def take(self, seen: Seen) -> None:
        """Append the faces of one frame, all or none."""
        self._faces.append(self._row(seen.source.name, face) for face in seen.faces)

    def finish(self, outcome: tables.Outcome) -> None:
        """Record that an input is done."""
        self._inputs.append([outcome._replace(source=self._cell(outcome.source), error=self._cell(outcome.error))])

    def __exit__(self, *error: object) -> None:
        self._faces.close()
        self._inputs.close()
        if self.json:
            tables.write_json(self.run.folder)

    def _row(self, source: str, face: Face) -> list[Any]:
        time_s = None if face.time_s is None else f"{face.time_s:.3f}"  # csv writes None as nothing
        place = (f"{value:.1f}" for value in face.box)
        shares = (f"{share:.6f}" for share in face.probabilities.values())
        label = self._cell(face.label), str(face.unsure).lower()
        return [self._cell(source), face.frame, time_s, face.track_id, *place, f"{face.score:.4g}", *label, *shares]
