"""From what a user calls a source to the pictures, videos, camera or stream behind it."""

import glob
import os
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from cascade.errors import ConfigError, DataError, ImageError
from cascade.pictures import SUFFIXES, WRITABLE, is_hidden, kinds, read_picture
from fer.inference.frames import Frame, ahead
from fer.inference.live import LiveSource
from fer.inference.videos import VIDEO_SUFFIXES, VideoFile

_AHEAD = 2  # pictures decoded while another is searched
_SUFFIXES = SUFFIXES | VIDEO_SUFFIXES
_KNOWN = f"Pictures end in {' '.join(sorted(SUFFIXES))}, videos in {' '.join(sorted(VIDEO_SUFFIXES))}."


class Input(Protocol):
    """A picture, a video, a camera or a stream: anything that has frames."""

    name: str  # what results call it
    file_name: str  # what files that are made of it are named after
    drawn_name: str  # what its annotated picture or video is called: no other input's is
    still: bool  # its one frame is a picture by itself: no face is followed
    endless: bool  # it never comes again: whatever was seen of it is all there is
    count: int  # frames to expect, known once the first is there; 0: unknown

    def frames(self) -> Generator[Frame, None, None]:
        """The frames in their order; raises ImageError where it cannot be read, or not to its end."""


class Picture:
    """A picture on disk, and what results call it."""

    still, endless, count = True, False, 1

    def __init__(self, path: Path, name: str, drawn_name: str | None = None) -> None:
        self.path, self.drawn_name = path, drawn_name or name
        self.name = self.file_name = name

    @cached_property
    def frame(self) -> Frame:
        """The picture, read once; raises ImageError."""
        return Frame(read_picture(self.path))

    def frames(self) -> Generator[Frame, None, None]:
        """See `Input.frames`."""
        yield self.frame


@dataclass(frozen=True)
class Files:
    """Pictures and videos on disk."""

    name: str  # what the user called them, in full
    root: Path  # the folder that paths are named relative to in results
    paths: tuple[Path, ...]  # sorted, so that shards and resumed runs agree on their order
    skipped: str = ""  # how many files beside them are of which other ending
    part: tuple[int, int] = (0, 1)  # of the paths: from the first number on every so many

    def __len__(self) -> int:
        return len(self._own)

    @property
    def _own(self) -> tuple[Path, ...]:
        index, count = self.part
        return self.paths[index::count]

    @property
    def videos(self) -> list[Path]:
        """Those that are videos."""
        return [path for path in self._own if path.suffix.lower() in VIDEO_SUFFIXES]

    def inputs(self, done: Container[str] = ()) -> Iterator[Input]:
        """Those whose names are not done; pictures are decoded in a thread of its own while others are searched."""
        drawn = drawn_names([path.relative_to(self.root).as_posix() for path in self.paths])
        names = ((path, path.relative_to(self.root).as_posix()) for path in self._own)
        return ahead((_opened(path, name, drawn[name]) for path, name in names if name not in done), _AHEAD)

    def shard(self, index: int, count: int) -> "Files":
        """Every `count`-th file from the `index`-th on; raises ConfigError where these do not fit."""
        if not 0 <= index < count:
            raise ConfigError(f"shard.index must be from 0 to shard.count − 1, got index {index} of count {count}")
        return replace(self, part=(index, count))


def drawn_names(names: Sequence[str]) -> dict[str, str]:
    """What annotated pictures and videos of inputs are called: alike, each its own, of an ending that can be written.

    `x.tif` becomes `x.tif.png`; where an input is called that, too, `x.tif~2.png`.
    """
    wanted = {name: PurePosixPath(name) for name in names}
    for name, path in wanted.items():
        video = path.suffix.lower() in VIDEO_SUFFIXES
        if path.suffix != ".mp4" if video else path.suffix.lower() not in WRITABLE:
            wanted[name] = path.with_name(f"{path.name}{'.mp4' if video else '.png'}")
    drawn: dict[str, str] = {}
    taken = {str(folder) for path in wanted.values() for folder in path.parents}  # a folder's name is no file's
    for name, path in sorted(wanted.items(), key=lambda pair: pair[0] != str(pair[1])):  # those that keep their name
        number, own = 1, path
        while str(own) in taken:
            number += 1
            own = path.with_name(f"{path.stem}~{number}{path.suffix}")
        taken.add(str(own))
        drawn[name] = str(own)
    return drawn


def _opened(path: Path, name: str, drawn_name: str) -> Input:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(path, name, drawn_name)
    picture = Picture(path, name, drawn_name)
    with suppress(ImageError):  # its frames() says so again
        _ = picture.frame.gray
    return picture


Source = Files | LiveSource
"""What a run works through: `name` is for its records, `len` counts its inputs, `inputs(done)` gives those not done."""


def find_source(
    source: str | int | Sequence[str | int] | None, max_retries: int = 10, seconds: float | None = None
) -> Source:
    """Find what a source means.

    Args:
        source: a file, a folder (searched recursively), a pattern (`*`, `?`, `[…]`, `**`), a camera's number,
            or an address with `://`; or several files, folders and patterns.
        max_retries: see `LiveSource`.
        seconds: see `LiveSource`.

    Raises:
        DataError: nothing there, or nothing that is a picture or a video.
    """
    if isinstance(source, Sequence) and not isinstance(source, str):
        return _together([find_source(one) for one in source])
    if source in (None, ""):
        raise DataError(
            'name what to look at: python detect.py source=photo.jpg (or a folder, "clips/*.mp4", '
            "a camera's number such as 0, an rtsp:// address)"
        )
    text = str(source)
    path = _path(text)
    if not path.exists() and ("://" in text or text.isdecimal()):
        return LiveSource(text if "://" in text else int(text), max_retries, seconds)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path} is no picture or video: its ending {path.suffix!r} is not known. {_KNOWN}")
        return Files(str(path.absolute()), path.parent, (path,))
    if path.is_dir():
        root, found = path, [file for file in path.rglob("*") if not is_hidden(file.relative_to(path))]
        holder, nothing = f"the folder {path.absolute()} holds", "nothing"
    elif path.exists():
        raise DataError(
            f"{path.absolute()} is neither a file nor a folder, but a device, a pipe or the like (a camera is named by "
            "its number, such as 0)"
        )
    else:
        root, pattern = _split(path)
        if not glob.has_magic(pattern):
            raise DataError(f"there is no file or folder {path.absolute()}")
        found, holder, nothing = _matches(root, pattern), f"{path} matches", "no file"
    files = sorted(file for file in found if file.is_file())
    known = tuple(file for file in files if file.suffix.lower() in _SUFFIXES)
    if not known:
        what = f"{len(files)} files, none of them a picture or a video" if files else nothing
        raise DataError(f"{holder} {what}. {_KNOWN}")
    skipped = kinds(file for file in files if file.suffix.lower() not in _SUFFIXES)
    return Files(str(path.absolute()), root, known, skipped)


def _together(sources: Sequence[Source]) -> Files:
    """Several sources as one, named relative to the folder that holds them all."""
    files = [source for source in sources if isinstance(source, Files)]
    if not files or len(files) < len(sources):
        raise ConfigError("a camera or stream is looked at alone, and several sources are files, folders or patterns")
    paths = {path.absolute() for source in files for path in source.paths}
    root = Path(os.path.commonpath([path.parent for path in paths]))
    skipped = ", ".join(dict.fromkeys(source.skipped for source in files if source.skipped))
    return Files(", ".join(source.name for source in files), root, tuple(sorted(paths)), skipped)


def _path(text: str) -> Path:
    """A path, `~` for the user's home unless something is called so; raises DataError for what can be none."""
    try:
        path = Path(text)
        return path if path.exists() else path.expanduser()
    except (OSError, RuntimeError, ValueError) as error:  # too long, nobody's home, a zero in it
        raise DataError(f"{text[:200]!r} is no path: {error}") from error


def _split(path: Path) -> tuple[Path, str]:
    """The folder that a pattern starts in, whatever characters its name has, and what comes below it."""
    parts, count = path.parts, 1 if path.is_absolute() else 0
    while count < len(parts) and Path(*parts[: count + 1]).is_dir():
        count += 1
    return Path(*parts[:count]), "/".join(parts[count:])


def _matches(root: Path, pattern: str) -> list[Path]:
    """What matches a pattern below a folder; hidden files only where the pattern names them, no links to folders."""
    if pattern.endswith("**"):
        pattern += "/*"
    try:
        found = list(root.glob(pattern))
    except ValueError as error:
        raise DataError(f"{pattern} is no pattern: {error}") from error
    hidden = is_hidden(Path(pattern))
    return [file for file in found if hidden or not is_hidden(file.relative_to(root))]
