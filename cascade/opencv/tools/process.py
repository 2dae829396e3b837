"""Running a command with its output kept in a log."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> int:
    """Run a command, append what it prints to `log`, and return its exit status.

    Args:
        command: program and arguments; no shell is involved.
        log: text file, created when missing.
        cwd: working directory of the command.
        env: its whole environment; None passes ours on.
        on_line: called with every line as it is printed, without the line end.

    Raises:
        FileNotFoundError: the program does not exist.
    """
    arguments = [str(part) for part in command]
    with log.open("a", encoding="utf-8", buffering=1) as sink:
        sink.write(f"$ {' '.join(arguments)}\n")
        with subprocess.Popen(
            arguments,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    sink.write(line)
                    if on_line is not None:
                        on_line(line.rstrip("\n"))
            except BaseException:
                process.terminate()
                raise
        return process.wait()
