"""From what a user calls a source to the files or the camera behind it."""

import glob
import re
from dataclasses import dataclass
from pathlib import Path

from cascade.errors import DataError
from cascade.pictures import SUFFIXES
from fer.inference.videos import VIDEO_SUFFIXES


@dataclass(frozen=True)
class Files:
    """Pictures and videos on disk.

    Attributes:
        root: folder that the paths are named relative to in results.
        paths: sorted, so that shards and resumed runs agree on their order.
    """

    root: Path
    paths: tuple[Path, ...]

    def name(self, path: Path) -> str:
        """How results call a file."""
        return path.relative_to(self.root).as_posix()

    def shard(self, index: int, count: int) -> "Files":
        """Every `count`-th file from the `index`-th on.

        Raises:
            DataError: index and count do not fit.
        """
        if not 0 <= index < count:
            raise DataError(f"shard.index must be from 0 to shard.count − 1, got index {index} of count {count}")
        return Files(self.root, self.paths[index::count])


@dataclass(frozen=True)
class Live:
    """A camera's number, or a stream's address."""

    address: int | str

    @property
    def name(self) -> str:
        """The number or address to show and to write down: without the password, if there is one."""
        return re.sub(r"(://[^/:@]*):[^/]*@", r"\1:***@", str(self.address))


def is_video(path: Path) -> bool:
    """True for a file whose ending is a video's."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def find_source(source: str | int | None) -> Files | Live:
    """Find what a source means.

    Args:
        source: a file, a folder (searched recursively), a pattern (`*`, `?`, `[…]`, `**`), a camera's number,
            or an address with `://`.

    Raises:
        DataError: nothing there, or nothing that is a picture or a video.
    """
    if source is None or source == "":
        raise DataError(
            'name what to look at: python detect.py source=photo.jpg (or a folder, "clips/*.mp4", '
            "a camera's number such as 0, an rtsp:// address)"
        )
    text = str(source)
    if text.isdecimal() and not Path(text).exists():
        return Live(int(text))
    if "://" in text:
        return Live(text)
    path = Path(text).expanduser()
    if path.is_file():
        if not _is_known(path):
            raise DataError(f"{path} is no picture or video: its ending {path.suffix!r} is not known. {_KNOWN}")
        return Files(path.parent, (path,))
    if path.is_dir():
        return _in_folder(path)
    if glob.has_magic(text):
        return _matching(str(path))
    raise DataError(f"there is no file or folder {path.absolute()}")


def _in_folder(folder: Path) -> Files:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    known = tuple(path for path in found if _is_known(path) and not _is_hidden(path.relative_to(folder)))
    if not known:
        what = f"{len(found)} files, none of them a picture or a video" if found else "nothing"
        raise DataError(f"the folder {folder.absolute()} holds {what}. {_KNOWN}")
    return Files(folder, known)


def _matching(pattern: str) -> Files:
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207  Path.glob takes no absolute patterns
    found = sorted(path for path in map(Path, matches) if path.is_file())
    known = tuple(path for path in found if _is_known(path))
    if not known:
        what = f"{len(found)} files, none of them a picture or a video" if found else "no file"
        raise DataError(f"{pattern} matches {what}. {_KNOWN}")
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Files(Path(*parts[:fixed]) if fixed else Path(), known)


def _is_known(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


_KNOWN = f"Pictures end in {' '.join(sorted(SUFFIXES))}, videos in {' '.join(sorted(VIDEO_SUFFIXES))}."
