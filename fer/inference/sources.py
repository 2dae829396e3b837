"""From what a user calls a source to the pictures, videos, camera or stream behind it."""

import glob
from collections.abc import Container, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cascade.errors import ConfigError, DataError, ImageError
from cascade.pictures import SUFFIXES, is_hidden, read_picture
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
    still: bool  # its one frame is a picture by itself: no face is followed
    endless: bool  # it never comes again: whatever was seen of it is all there is
    count: int  # frames to expect, known once the first is there; 0: unknown

    def frames(self) -> Generator[Frame, None, None]:
        """The frames in their order; raises ImageError where it cannot be read, or not to its end."""


class Picture:
    """A picture on disk, and what results call it."""

    still, endless, count = True, False, 1

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
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

    def __len__(self) -> int:
        return len(self.paths)

    def inputs(self, done: Container[str] = ()) -> Iterator[Input]:
        """Those whose names are not done; pictures are decoded in a thread of its own while others are searched."""
        names = ((path, path.relative_to(self.root).as_posix()) for path in self.paths)
        return ahead((_opened(path, name) for path, name in names if name not in done), _AHEAD)

    def shard(self, index: int, count: int) -> "Files":
        """Every `count`-th file from the `index`-th on; raises ConfigError where these do not fit."""
        if not 0 <= index < count:
            raise ConfigError(f"shard.index must be from 0 to shard.count − 1, got index {index} of count {count}")
        return replace(self, paths=self.paths[index::count])


def _opened(path: Path, name: str) -> Input:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoFile(path, name)
    picture = Picture(path, name)
    with suppress(ImageError):  # its frames() says so again
        _ = picture.frame.gray
    return picture


Source = Files | LiveSource
"""What a run works through: `name` is for its records, `len` counts its inputs, `inputs(done)` gives those not done."""


def find_source(source: str | int | None, max_retries: int = 10, seconds: float | None = None) -> Source:
    """Find what a source means.

    Args:
        source: a file, a folder (searched recursively), a pattern (`*`, `?`, `[…]`, `**`), a camera's number,
            or an address with `://`.
        max_retries: see `LiveSource`.
        seconds: see `LiveSource`.

    Raises:
        DataError: nothing there, or nothing that is a picture or a video.
    """
    if source in (None, ""):
        raise DataError(
            'name what to look at: python detect.py source=photo.jpg (or a folder, "clips/*.mp4", '
            "a camera's number such as 0, an rtsp:// address)"
        )
    text = str(source)
    path = Path(text).expanduser()
    if "://" in text or (text.isdecimal() and not path.exists()):
        return LiveSource(text if "://" in text else int(text), max_retries, seconds)
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path} is no picture or video: its ending {path.suffix!r} is not known. {_KNOWN}")
        return Files(str(path.absolute()), path.parent, (path,))
    if path.is_dir():
        root, found = path, [file for file in path.rglob("*") if not is_hidden(file.relative_to(path))]
        holder, nothing = f"the folder {path.absolute()} holds", "nothing"
    elif glob.has_magic(text):
        # Path.glob takes no absolute patterns
        found = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207
        fixed = next(index for index, part in enumerate(path.parts) if glob.has_magic(part))
        root, holder, nothing = Path(*path.parts[:fixed]), f"{path} matches", "no file"
    else:
        raise DataError(f"there is no file or folder {path.absolute()}")
    files = sorted(file for file in found if file.is_file())
    known = tuple(file for file in files if file.suffix.lower() in _SUFFIXES)
    if not known:
        what = f"{len(files)} files, none of them a picture or a video" if files else nothing
        raise DataError(f"{holder} {what}. {_KNOWN}")
    return Files(str(path.absolute()), root, known)
