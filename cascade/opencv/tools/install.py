"""Putting the binaries into the cache: download, compile, check, move into place."""

import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cascade.errors import ToolsError
from cascade.opencv.tools import build, source
from cascade.opencv.tools.cache import locked, replacing
from cascade.opencv.tools.find import CREATESAMPLES, FACES_VEC, TRAINCASCADE, Tools, find_tools, tools_folder


def usable_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ensure_tools(
    createsamples: str | Path | None = None, traincascade: str | Path | None = None, console: Console | None = None
) -> Tools:
    """The binaries given, on PATH or in the cache; compiled into the cache when there are none.

    Raises:
        ToolsError: they are not there and cannot be made.
    """
    found = find_tools(createsamples, traincascade)
    return found if found is not None else install_tools(console=console)


def install_tools(
    *, jobs: int | None = None, archive: Path | None = None, rebuild: bool = False, console: Console | None = None
) -> Tools:
    """Compile the binaries into the cache, unless they are there.

    Args:
        jobs: compilations at a time; all cores by default.
        archive: the source archive, when it need not be downloaded.
        rebuild: compile even when the cache has them.
        console: where to say what is being done.

    Raises:
        ToolsError: the source cannot be fetched.
        ToolsError: there is no compiler.
        ToolsError: the compilation failed.
    """
    console = console or Console()
    target = tools_folder()
    log = target.parent / f"build-{target.name}.log"
    with locked(target.parent):
        if rebuild or not (target / "bin" / TRAINCASCADE).is_file():  # another process may have built meanwhile
            for left_over in target.parent.glob(f".{target.name}-*"):  # of a build that was killed
                shutil.rmtree(left_over, ignore_errors=True)
            build.find_compiler()
            log.unlink(missing_ok=True)
            _make(target, log, jobs or usable_cores(), archive, console)
    made = find_tools(target / "bin" / CREATESAMPLES, target / "bin" / TRAINCASCADE)
    assert made is not None
    return Tools(made.createsamples, made.traincascade, target / "data", "cache")


def _make(target: Path, log: Path, jobs: int, archive: Path | None, console: Console) -> None:
    say = console.print
    say(f"Compiling OpenCV {source.OPENCV_VERSION}'s training binaries, once, into {target}", soft_wrap=True)
    say(f"About 8 CPU minutes, so some {max(1, round(8 / jobs))} min with {jobs} job(s). Log: {log}", soft_wrap=True)
    with replacing(target) as folder:
        work = folder / "work"
        work.mkdir()
        venv = source.Venv.create(work / "venv", log)
        if archive is None:
            say(f"1/4 downloading {source.ARCHIVE_NAME} (88 MB)", soft_wrap=True)
            archive = source.fetch(venv, work)
        source.verify(archive)
        say("2/4 unpacking")
        tree = source.unpack(archive, work)
        cmake, ninja = build.find_cmake(venv)
        say("3/4 configuring and compiling")
        with _Bar(console) as bar:
            binaries = build.compile_tools(
                tree, work / "build", cmake=cmake, ninja=ninja, jobs=jobs, log=log, progress=bar
            )
        say("4/4 checking")
        (folder / "bin").mkdir()
        (folder / "data").mkdir()
        for name in (CREATESAMPLES, TRAINCASCADE):
            if not (binaries / name).is_file():
                raise ToolsError(f"The compilation ended without {name}. The whole output is in {log}")
            shutil.copy2(binaries / name, folder / "bin" / name)
        shutil.copy2(tree / "data" / "vec_files" / FACES_VEC, folder / "data")
        for cascade in sorted((tree / "data" / "lbpcascades").glob("*.xml")):
            shutil.copy2(cascade, folder / "data")
        shutil.copy2(tree / "LICENSE", folder / "LICENSE")
        find_tools(folder / "bin" / CREATESAMPLES, folder / "bin" / TRAINCASCADE)  # raises when they do not run
        shutil.rmtree(work)


class _Bar:
    """A progress bar on a terminal, a line per tenth elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("    "), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=None)
        self._tenth = 0

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)
        if not self._console.is_terminal and done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            self._console.print(f"    {self._tenth * 10:3d}% ({done} of {total} steps)")
