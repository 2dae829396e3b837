"""Finding the run that is to be resumed."""

from pathlib import Path
from typing import Any

from cascade.errors import OutputError
from fer.inference.tables import JOB, read_job


def run_to_resume(wanted: bool | str, job: dict[str, Any], runs: Path) -> Path:
    """The folder of the run to resume.

    Args:
        wanted: True for the newest of this job, or a folder.
        job: what the run is about.
        runs: where earlier runs are looked for.

    Raises:
        OutputError: there is no such run.
    """
    if wanted is not True:
        folder = Path(str(wanted)).expanduser()
        if read_job(folder) is None:
            raise OutputError(f"{folder.absolute()} holds no run to resume: there is no {JOB}")
        return folder
    found = [*runs.glob(f"*/{JOB}"), *runs.glob(f"*/*/{JOB}")]
    for record in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        if read_job(record.parent) == job:
            return record.parent
    raise OutputError(
        f"nothing to resume: no run below {runs} has this source and these settings; name its folder with "
        f"resume=FOLDER, or leave resume out"
    )
