"""Join the results of shards: `python -m fer.inference.join outputs/detect/RUN [output=FOLDER]`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from cascade.command import run_command
from cascade.errors import OutputError
from fer.inference.tables import FACES, INPUTS, JOB, copy_finished, read_job, read_outcomes, write_job, write_json


def join(folders: Sequence[Path], output: Path) -> tuple[int, int]:
    """Join the tables of all shards of one source into `faces.csv`, `inputs.csv` and `faces.json`.

    Returns:
        How many inputs there are, and how many of them could not be read.

    Raises:
        OutputError: a shard is missing, twice there, or was run with other settings; or nothing is there.
    """
    shards: dict[int, Path] = {}
    shared: dict[str, Any] = {}
    for folder in folders:
        job = read_job(folder)
        index = job["shard"].pop("index")
        shared = shared or job
        if job != shared:
            raise OutputError(f"{folder} has another source or other settings than {folders[0]}")
        if index in shards:
            raise OutputError(f"shard {index} is there twice: {shards[index]} and {folder}")
        shards[index] = folder
    count = shared["shard"]["count"]
    if missing := sorted(set(range(count)) - set(shards)):
        raise OutputError(f"of {count} shards these are missing: {', '.join(map(str, missing))}")
    if output.resolve() in {folder.resolve() for folder in folders}:
        raise OutputError(f"{output} is one of the shards; name another folder with output=")
    for table in (INPUTS, FACES):
        copy_finished([shards[index] / table for index in range(count)], output / table)
    write_job(output, {**shared, "shard": {"index": 0, "count": 1}})
    write_json(output)
    outcomes = read_outcomes(output).values()
    return len(outcomes), sum(bool(outcome.error) for outcome in outcomes)


def join_configured(config: DictConfig) -> None:
    """Join what the config names; exit with 1 if inputs could not be read."""
    folders = [config.folders] if isinstance(config.folders, str) else config.folders
    given = [Path(folder).expanduser() for folder in folders]
    output = Path(str(config.output)).expanduser() if config.output else given[0] / "joined"
    # each folder's own results, or else those right below it
    found = [record for folder in given for record in sorted(folder.glob(JOB)) or sorted(folder.glob(f"*/{JOB}"))]
    runs = [record.parent for record in found if record.parent.resolve() != output.resolve()]
    if not runs:
        raise OutputError(f"no results in {', '.join(map(str, given))}: there is no {JOB}")
    count, failed = join(runs, output)
    print(f"joined {len(runs)} shards into {output}: {count} inputs, {failed} of them could not be read")
    if failed:
        sys.exit(1)


def main() -> None:
    """Run the command."""
    run_command(join_configured, "join", positional=("folders",))


if __name__ == "__main__":
    main()
