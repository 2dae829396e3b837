"""Join the results of shards: `python -m fer.inference.join outputs/detect/RUN [output=FOLDER]`."""

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cascade.command import run_command
from cascade.errors import ConfigError, OutputError
from cascade.files import whole
from fer.inference.tables import FACES, INPUTS, JOB, copy_finished, read_job, read_outcomes, write_job, write_json

JOINED = "joined"
"""Says in a folder's record that it was made of so many shards."""


def join(folders: Sequence[Path], output: Path) -> tuple[int, int]:
    """Join the tables of all shards of one source into a folder with `faces.csv`, `inputs.csv` and `faces.json`.

    The folder appears when it is complete, in place of an earlier one of the kind.

    Returns:
        How many inputs there are, and how many of them could not be read.

    Raises:
        OutputError: a shard is missing, interrupted, damaged, twice there, or was run with other settings; or the
            folder holds something else.
    """
    shards: dict[int, Path] = {}
    shared: dict[str, Any] = {}
    total = 0
    for folder in folders:
        job = read_job(folder)
        index, inputs = _taken(job, folder)
        shared = shared or job
        if job != shared:
            raise OutputError(f"{folder} has another source or other settings than {folders[0]}")
        if index in shards:
            raise OutputError(f"shard {index} is there twice: {shards[index]} and {folder}")
        if (done := len(read_outcomes(folder))) < inputs:
            raise OutputError(
                f"{folder}, shard {index}, was interrupted after {done} of {inputs} inputs; go on with resume={folder}"
            )
        shards[index], total = folder, total + inputs
    count = shared["shard"]["count"]
    if missing := list(islice((index for index in range(count) if index not in shards), 10)):
        more = ", …" if count - len(shards) > len(missing) else ""
        raise OutputError(f"of {count} shards these are missing: {', '.join(map(str, missing))}{more}")
    if output.resolve() in {folder.resolve() for folder in folders}:
        raise OutputError(f"{output} is one of the shards; name another folder with output=")
    if output.exists() and not ((output / JOB).is_file() and JOINED in read_job(output)):
        raise OutputError(f"{output} is there already and was not made by joining; name another folder with output=")
    with whole(output) as part:
        part.mkdir()
        write_job(part, {**shared, "shard": {"index": 0, "count": 1}, "inputs": total, JOINED: len(shards)})
        for table in (INPUTS, FACES):
            copy_finished([shards[index] / table for index in range(count)], part / table)
        write_json(part)
        outcomes = read_outcomes(part).values()
    return len(outcomes), sum(bool(outcome.error) for outcome in outcomes)


def _taken(job: dict[str, Any], folder: Path) -> tuple[int, int]:
    """The number of a shard, and of its inputs, taken out of what it is about."""
    shard, inputs = job.get("shard"), job.pop("inputs", None)
    if not (isinstance(shard, dict) and _numbers(shard)):
        raise OutputError(f"{folder / JOB} is damaged: it does not say which shard this is")
    if not isinstance(inputs, int) or inputs < 0:
        raise OutputError(f"{folder / JOB} does not say of how many inputs; look at the shard again with this version")
    return shard.pop("index"), inputs


def _numbers(shard: dict[str, Any]) -> bool:
    index, count = shard.get("index"), shard.get("count")
    return isinstance(index, int) and isinstance(count, int) and 0 <= index < count


def join_configured(config: DictConfig) -> None:
    """Join what the config names; exit with 1 if inputs could not be read."""
    folders = config.folders if OmegaConf.is_list(config.folders) else [config.folders]
    if not folders or not all(isinstance(folder, str | int) for folder in folders):
        raise ConfigError(f"folders is {config.folders}; it must be a folder, or a list of such")
    given = [Path(str(folder)).expanduser() for folder in folders]
    output = Path(str(config.output)).expanduser() if config.output else given[0] / "joined"
    # each folder's own results, or else those right below it
    found = [record for folder in given for record in sorted(folder.glob(JOB)) or sorted(folder.glob(f"*/{JOB}"))]
    runs = [record.parent for record in found if JOINED not in read_job(record.parent)]
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
