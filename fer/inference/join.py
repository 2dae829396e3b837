"""Join the results of shards: `python -m fer.inference.join outputs/detect/RUN [output=FOLDER]`."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig

from cascade.command import run_command
from cascade.errors import OutputError
from cascade.files import write_whole
from fer.inference.tables import FACES, INPUTS, JOB, finished_rows, read_job, read_outcomes, write_json, write_rows


def join(folders: Sequence[Path], output: Path) -> tuple[int, int]:
    """Join the tables of several runs into `faces.csv`, `inputs.csv` and `faces.json`.

    Args:
        folders: of the runs, all shards of one source with the same settings.
        output: where to; made where it is missing.

    Returns:
        How many inputs there are, and how many of them could not be read.

    Raises:
        OutputError: a shard is missing, twice there, or was run with other settings; or nothing is there.
    """
    shards: dict[int, Path] = {}
    shared = None
    for folder in folders:
        job = read_job(folder)
        if job is None:
            raise OutputError(f"{folder} holds no results: there is no {JOB}")
        index = job["shard"].pop("index")
        shared = shared or job
        if job != shared:
            raise OutputError(f"{folder} has another source or other settings than {folders[0]}")
        if index in shards:
            raise OutputError(f"shard {index} is there twice: {shards[index]} and {folder}")
        shards[index] = folder
    assert shared is not None
    count = shared["shard"]["count"]
    if missing := sorted(set(range(count)) - set(shards)):
        raise OutputError(f"of {count} shards these are missing: {', '.join(map(str, missing))}")
    if output.resolve() in {folder.resolve() for folder in folders}:
        raise OutputError(f"{output} is one of the shards; name another folder with output=")
    for table in (INPUTS, FACES):
        write_rows(output / table, _joined([shards[index] / table for index in sorted(shards)]))
    write_whole(output / JOB, json.dumps({**shared, "shard": {"index": 0, "count": 1}}, indent=2) + "\n")
    write_json(output)
    outcomes = read_outcomes(output).values()
    return len(outcomes), sum(bool(outcome.error) for outcome in outcomes)


def _joined(tables: Sequence[Path]) -> Iterator[list[str]]:
    """The rows of tables with the same columns, of finished inputs: others come from an interruption."""
    columns = None
    for table in tables:
        rows = finished_rows(table)
        found = next(rows)
        if columns is None:
            yield (columns := found)
        elif found != columns:
            raise OutputError(f"{table} has other columns than {tables[0]}")
        yield from rows


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
