"""Join the results of shards: `python -m fer.inference.join outputs/detect/RUN [output=FOLDER]`."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from cascade.command import run_command
from cascade.errors import OutputError
from fer.inference.results import FACES, INPUTS, JOB, read_inputs, read_job, write_json, write_whole


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
    jobs = {folder: read_job(folder) for folder in folders}
    shards: dict[int, Path] = {}
    first = None
    for folder, job in jobs.items():
        if job is None:
            raise OutputError(f"{folder} holds no results: there is no {JOB}")
        shard = job.pop("shard")
        first = first or (job, shard["count"])
        if first != (job, shard["count"]):
            raise OutputError(f"{folder} has another source or other settings than {folders[0]}")
        if shard["index"] in shards:
            twice = f"{shards[shard['index']]} and {folder}"
            raise OutputError(f"shard {shard['index']} is there twice: {twice}")
        shards[shard["index"]] = folder
    assert first is not None
    job, count = first
    missing = sorted(set(range(count)) - set(shards))
    if missing:
        raise OutputError(f"of {count} shards these are missing: {', '.join(map(str, missing))}")
    if output.resolve() in {folder.resolve() for folder in folders}:
        raise OutputError(f"{output} is one of the shards; name another folder with output=")
    ordered = [shards[index] for index in sorted(shards)]
    write_whole(output / JOB, json.dumps({**job, "shard": {"index": 0, "count": 1}}, indent=2) + "\n")
    for name in (INPUTS, FACES):
        _concatenate([folder / name for folder in ordered], output / name)
    write_json(output)
    inputs = read_inputs(output)
    return len(inputs), sum(bool(done.error) for done in inputs.values())


def _concatenate(tables: Sequence[Path], output: Path) -> None:
    """Append tables with the same columns, row by row: an archive's rows need not fit into memory."""
    temporary = output.with_name(f".{output.name}.tmp")
    header = None
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for table in tables:
            done = read_inputs(table.parent)
            with table.open(newline="") as rows:
                reader = csv.reader(rows)
                found = next(reader)
                if header is None:
                    writer.writerow(found)
                    header = found
                if found != header:
                    raise OutputError(f"{table} has other columns than {tables[0]}")
                # rows of inputs that are not done come from an interruption
                writer.writerows(row for row in reader if row and row[0] in done)
    temporary.replace(output)


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """The folders with results among those given and directly below them."""
    runs = []
    for folder in folders:
        if (folder / JOB).is_file():
            runs.append(folder)
        else:
            runs += sorted(record.parent for record in folder.glob(f"*/{JOB}"))
    if not runs:
        raise OutputError(f"no results in {', '.join(map(str, folders))}: there is no {JOB}")
    return runs


def join_configured(config: DictConfig) -> None:
    """Join what the config names; exit with 1 if inputs could not be read."""
    folders = [config.folders] if isinstance(config.folders, str) else config.folders
    given = [Path(str(folder)).expanduser() for folder in folders]
    output = Path(str(config.output)).expanduser() if config.output else given[0] / "joined"
    runs = [run for run in find_runs(given) if run.resolve() != output.resolve()]
    count, failed = join(runs, output)
    print(f"joined {len(runs)} shards into {output}: {count} inputs, {failed} of them could not be read")
    if failed:
        sys.exit(1)


def main() -> None:
    """Run the command."""
    run_command(join_configured, "join", positional=("folders",))


if __name__ == "__main__":
    main()
