"""Putting the binaries into the cache: download, compile, check, move into place."""

import os
import shutil
from pathlib import Path

from rich.console import Console

from cascade.errors import ToolsError
from cascade.files import sole_use, whole
from cascade.opencv.tools.build import ARCHIVE_NAME, Pip, compile_tools, fetch, find_compiler, unpack
from cascade.opencv.tools.find import FACES_VEC, OPENCV_VERSION, PROGRAMS, Tools, cached_tools, find_tools, tools_folder
from cascade.terminal import progress_bar


def ensure_tools(
    createsamples: str | Path | None = None, traincascade: str | Path | None = None, console: Console | None = None
) -> Tools:
    """The binaries given, on PATH or in the cache; compiled into the cache when there are none.

    Raises:
        ToolsError: they are not there and cannot be made.
    """
    return find_tools(createsamples, traincascade) or install_tools(console=console)


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
        ToolsError: there is no compiler, no source, or the compilation failed.
    """
    target, tools = tools_folder(), cached_tools()
    with sole_use(target.parent):
        if rebuild or not tools.traincascade.is_file():  # another process may have built meanwhile
            for left_over in target.parent.glob(f".{target.stem}.*.part*"):  # of a build that was killed
                shutil.rmtree(left_over)
            find_compiler()
            cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            with whole(target) as folder:
                _make(folder, jobs or cores or 1, archive, console or Console())
    return tools


def _make(folder: Path, jobs: int, archive: Path | None, console: Console) -> None:
    log = folder.parent / f"build-{OPENCV_VERSION}.log"
    log.unlink(missing_ok=True)
    console.print(
        f"Compiling OpenCV {OPENCV_VERSION}'s training binaries, once, into {folder.parent}: about 8 CPU minutes, "
        f"with {jobs} job(s) some {max(1, round(8 / jobs))} min. Log: {log}",
        soft_wrap=True,
    )
    work, binaries, data = folder / "work", folder / "bin", folder / "data"
    for made in (work, binaries, data):
        made.mkdir(parents=True)
    pip = Pip(work / "venv", log)
    with progress_bar(console) as bar:
        task = bar.add_task(f"downloading {ARCHIVE_NAME}, 88 MB", total=None)
        archive = archive or fetch(pip, work)
        bar.update(task, description="unpacking")
        tree = unpack(archive, work)
        bar.update(task, description="compiling")
        compiled = compile_tools(
            tree, work / "build", pip, jobs, lambda done, total: bar.update(task, completed=done, total=total)
        )
    for name in PROGRAMS:
        if not (compiled / name).is_file():
            raise ToolsError(f"The compilation ended without {name}. The whole output is in {log}")
        shutil.copy2(compiled / name, binaries)
    for path in (tree / "data/vec_files" / FACES_VEC, *(tree / "data/lbpcascades").glob("*.xml")):
        shutil.copy2(path, data)
    shutil.copy2(tree / "LICENSE", folder)
    find_tools(*(binaries / name for name in PROGRAMS))  # raises when they do not run
    shutil.rmtree(work)
