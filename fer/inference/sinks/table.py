"""The faces as a table: `faces.csv`, `inputs.csv`, `faces.json`."""

from typing import Any, Self

from cascade.errors import OutputError
from cascade.files import write_whole
from fer.inference import tables
from fer.inference.faces import Face
from fer.inference.sinks.sink import RunContext, Seen, Sink


class TableSink(Sink):
    """Appends a row per face and a row per finished input; goes on where an earlier run of the same job ended.

    Where `json` is true, `faces.json` is made of the tables at the end. Entering raises OutputError where the
    folder holds another run's results.
    """

    def __init__(self, run: RunContext, json: bool = True) -> None:
        super().__init__(run)
        self.json = json

    def __enter__(self) -> Self:
        folder, job = self.run.folder, self.run.job
        faces, inputs = folder / tables.FACES, folder / tables.INPUTS
        if not (folder / tables.JOB).is_file():
            write_whole(faces, tables.as_csv([[*tables.FACE_COLUMNS, *self.run.recogniser.classes]]))
            write_whole(inputs, tables.as_csv([tables.Outcome._fields]))
            tables.write_job(folder, job)
        elif (earlier := tables.read_job(folder)) == job:
            tables.copy_finished([faces], faces)
        else:
            changed = ", ".join(sorted(key for key in {*earlier, *job} if earlier.get(key) != job.get(key)))
            raise OutputError(f"{folder} holds the results of another run; its {changed} differ from this one's")
        self._faces, self._inputs = tables.AppendedTable(faces), tables.AppendedTable(inputs)
        return self

    def take(self, seen: Seen) -> None:
        """Append the faces of one frame, all or none."""
        self._faces.append(_row(seen.source.name, face) for face in seen.faces)

    def finish(self, outcome: tables.Outcome) -> None:
        """Record that an input is done."""
        self._inputs.append([outcome])

    def __exit__(self, *error: object) -> None:
        self._faces.close()
        self._inputs.close()
        if self.json:
            tables.write_json(self.run.folder)


def _row(source: str, face: Face) -> list[Any]:
    time_s = None if face.time_s is None else f"{face.time_s:.3f}"  # csv writes None as nothing
    place = (f"{value:.1f}" for value in face.box)
    shares = (f"{share:.6f}" for share in face.probabilities.values())
    label = face.label, str(face.unsure).lower()
    return [source, face.frame, time_s, face.track_id, *place, f"{face.score:.4g}", *label, *shares]
