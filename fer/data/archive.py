"""Opening a CSV wherever it lies: plain, in a .zip or in a .tar.gz."""

import csv
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cascade.errors import DataError

_HEADER_BYTES = 1000


@contextmanager
def open_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[IO[bytes], str, int]]:
    """Open the CSV with the wanted columns, in its archive if it is in one.

    What the file is, is told from its contents and not from its name. In an archive, the first CSV that
    has the columns is taken, however deep its folder.

    Args:
        path: the CSV or the archive.
        columns: the names wanted, as `column_places` takes them.

    Yields:
        the stream of bytes, its name for messages, its uncompressed size in bytes.

    Raises:
        DataError: where the archive is broken, now or while the stream is read, or holds no such CSV.
    """
    try:
        for stream, name, size in _streams(path):
            if name == str(path) or _fits(stream, columns):
                stream.seek(0)
                yield stream, name, size
                return
    # RuntimeError: encrypted; NotImplementedError, its child: an unknown compression
    except (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read to its end ({error}): download it again") from error
    raise DataError(f"{path} holds no CSV file with the columns {', '.join(columns)}")


def column_places(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """The index of each wanted column, -1 where there is none; blanks around names and case do not count."""
    names = [name.strip().casefold() for name in header]
    return [names.index(name.casefold()) if name.casefold() in names else -1 for name in columns]


def _streams(path: Path) -> Iterator[tuple[IO[bytes], str, int]]:
    """The file itself, or each CSV of the archive that it is: stream, name, size."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.lower().endswith(".csv"):
                    with archive.open(info) as member:
                        yield member, f"{path}:{info.filename}", info.file_size
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for entry in tar:
                stream = tar.extractfile(entry) if entry.name.lower().endswith(".csv") else None
                if stream is not None:
                    yield stream, f"{path}:{entry.name}", entry.size
    else:
        with path.open("rb") as file:
            yield file, str(path), path.stat().st_size


def _fits(stream: IO[bytes], columns: Sequence[str]) -> bool:
    header = stream.readline(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
    return -1 not in column_places(next(csv.reader([header]), []), columns)
