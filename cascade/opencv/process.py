"""Running a program with its output kept in a log."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    on_line: Callable[[str], object] = lambda line: None,
    *,
    on_start: Callable[[int], object] = lambda pid: None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run a program, append what it prints to a log, and return its exit status; negative for a signal.

    It never outlives an exception of ours, and a Ctrl-C reaches us alone: it is ended between two lines.

    Args:
        command: program and arguments; no shell is involved.
        log: text file, created when missing.
        on_line: called with every line as it is printed; False keeps it out of the log.
        on_start: called with the number of the process.
        env: its whole environment; ours by default.
    """
    call = [str(part) for part in command]
    with (
        log.open("a", encoding="utf-8", buffering=1) as sink,
        Popen(
            call, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, errors="replace", start_new_session=True
        ) as process,
    ):
        try:
            on_start(process.pid)
            sink.write(f"$ {shlex.join(call)}\n")
            for line in process.stdout or ():
                if on_line(line.rstrip("\n")) is not False:
                    sink.write(line)
        except BaseException:
            process.terminate()
            raise
        return process.wait()
