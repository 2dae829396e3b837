"""Reading a CSV strictly, plain or in an archive: every row is right, or the file is refused with the row's number."""

import csv
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn, cast

from cascade.errors import DataError
from cascade.files import check_regular

_LONGEST = 2**20
"""Characters of a line: one of 48×48 pixels has 9,000, and one without an end need not fit into memory."""


class StrictCsv:
    """Iterates once over the rows, each as the fields of the wanted columns, in their order and without blanks around.

    Columns may come in any order, names in any case; fields may be quoted; further columns are ignored, and so
    are blank lines.

    Attributes:
        stream: the file's bytes, read up to the present row or a little further.
        name: the file, and its place in an archive.
        size: of the file in bytes.
        row: number of the present row, 1 for the first after the header.

    Raises:
        DataError: naming the file, the row, the line and the rule that it breaks; also while iterating.
    """

    def __init__(self, stream: IO[bytes], name: str, size: int, columns: Sequence[str]) -> None:
        self.stream, self.name, self.size, self.row = stream, name, size, 0
        # bytes that are not UTF-8 become marks, so that they are refused in the row where they stand
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        self._text = text  # as long as this object lives: its end closes the stream
        self._reader = csv.reader(_lines(text, name), strict=True)
        header = self._next()
        if header is None:
            raise DataError(f"{name} is empty; expected a CSV with the columns {', '.join(columns)}")
        places = {title.strip().casefold(): place for place, title in reversed(list(enumerate(header)))}
        if missing := [column for column in columns if column.casefold() not in places]:
            shown = ", ".join(clipped(title) for title in header[:6])
            is_text = all(title.isprintable() and "\ufffd" not in title for title in header)
            hint = "" if is_text else "; this is not a text file"
            raise DataError(f"{name}, line 1: no column {', '.join(missing)} in the header ({shown}){hint}")
        self._width, self._places = len(header), [places[column.casefold()] for column in columns]

    def __iter__(self) -> Iterator[list[str]]:
        while (fields := self._next()) is not None:
            if not fields:  # a blank line is no row
                continue
            self.row += 1
            if len(fields) != self._width:
                self.refuse(f"{len(fields)} columns; the header has {self._width}")
            yield [fields[place].strip() for place in self._places]
        if not self.row:
            raise DataError(f"{self.name} has a header and no rows")

    def refuse(self, rule: str) -> NoReturn:
        """Raise DataError for the present row, which breaks a rule."""
        place = f"{self.name}, row {self.row} (line {self._reader.line_num})"
        try:
            is_last = self.row > 1 and self._next() is None
        except DataError:
            is_last = False
        hint = "; it is the last row, so the file is probably truncated: download it again" if is_last else ""
        raise DataError(f"{place}: {rule}{hint}")

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            line = self._reader.line_num
            raise DataError(f"{self.name}, row {self.row + 1} (line {line}): not a CSV ({error})") from error


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST):
        number += 1
        if len(line) == _LONGEST:
            raise DataError(f"{name}, line {number}: longer than {_LONGEST:,} characters")
        yield line


@contextmanager
def open_csv(path: Path, columns: Sequence[str]) -> Iterator[StrictCsv]:
    """Open the CSV with the wanted columns, in its archive if it is in one.

    What the file is, is told from its contents and not from its name. In a .zip, .gz or .tar.gz, the first CSV that
    has the columns is taken, however deep its folder.

    Raises:
        DataError: where the archive is broken, now or while the rows are read, or there is no such CSV.
    """
    try:
        check_regular(path)
        for stream, name, size in _streams(path):
            try:
                rows = StrictCsv(stream, name, size, columns)
            except DataError:
                if name == str(path):
                    raise
                continue
            yield rows
            return
    # RuntimeError: encrypted; NotImplementedError, its child: an unknown compression
    except (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path} cannot be read to its end ({error}): download it again") from error
    raise DataError(f"{path} holds no CSV file with the columns {', '.join(columns)}")


_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"


def clipped(text: str, limit: int = 30) -> str:
    """A field as messages show it."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


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
                # no links: what they lead to may be missing
                stream = tar.extractfile(entry) if entry.isreg() and entry.name.lower().endswith(".csv") else None
                if stream is not None:
                    yield stream, f"{path}:{entry.name}", entry.size
    else:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start == _ZIP:
                raise zipfile.BadZipFile("its table of contents is missing")
            if not start.startswith(_GZIP):
                yield file, str(path), path.stat().st_size
                return
        with gzip.open(path) as unpacked:
            yield cast(IO[bytes], unpacked), str(path), path.stat().st_size  # the packed size, of a third of the bytes
