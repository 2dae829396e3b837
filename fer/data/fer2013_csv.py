"""Reading fer2013's CSV strictly: every row is right, or the file is refused with the row's number."""

import csv
import io
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from cascade.errors import DataError
from cascade.terminal import progress_bar
from fer.data.archive import column_places, open_csv
from fer.data.faces import Split
from fer.labels import EXPRESSIONS

SIDE = 48
PIXELS = SIDE * SIDE
#: The file's names for the splits, in the order in which `parse_fer2013` sorts its rows.
USAGES: dict[str, Split] = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}

_COLUMNS = ("emotion", "pixels", "Usage")
_EMOTIONS = {str(index): index for index in range(len(EXPRESSIONS))}
_USAGE_INDEX = {usage: index for index, usage in enumerate(USAGES)}
_ROWS_PER_UPDATE, _MB = 256, 1_000_000
_log = logging.getLogger(__name__)


def parse_fer2013(path: Path) -> dict[str, Tensor]:
    """Read `fer2013.csv` or `icml_face_data.csv`, plain or inside a .zip or .tar.gz.

    Columns may come in any order, with blanks around their names; fields may be quoted; further columns
    are ignored.

    Args:
        path: the CSV or the archive.

    Returns:
        all rows, sorted by usage and, within a usage, as the file has them: `images`, uint8 (N, 1, 48, 48);
        `emotions`, int64 (N,), 0 to 6; `usages`, uint8 (N,), indices into `USAGES`; `rows`, int64 (N,), each
        row's place in the file, 1 for the first after the header.

    Raises:
        DataError: naming the file, the row, the line and the rule that it breaks.
    """
    start = time.perf_counter()
    with (
        open_csv(path, _COLUMNS) as (stream, name, size),
        # bytes that are not UTF-8 become marks, so that they are refused in the row where they stand
        io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text,
    ):
        tensors = _Parser(text, name).parse(size)
    _log.info("Parsed %s: %s rows in %.1f s", name, f"{len(tensors['rows']):,}", time.perf_counter() - start)
    return tensors


class _Parser:
    """One pass over one CSV; holds what an error message needs."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self.name = name
        self.row = 0
        self.characters = 0
        self.reader = csv.reader(self._lines(text), strict=True)

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        for line in text:
            self.characters += len(line)
            yield line

    def parse(self, size: int) -> dict[str, Tensor]:
        columns, emotion_at, pixels_at, usage_at = self._header()
        images, emotions, usages, rows = bytearray(), [], bytearray(), []
        with progress_bar() as bar:
            task = bar.add_task(f"Parsing {Path(self.name).name}, MB", total=size // _MB)
            while (fields := self._next()) is not None:
                if not fields:  # a blank line is no row
                    continue
                self.row += 1
                if len(fields) != columns:
                    self._fail(f"{len(fields)} columns; the header has {columns}")
                emotion = _EMOTIONS.get(fields[emotion_at].strip())
                if emotion is None:
                    self._fail(f"emotion is {_clip(fields[emotion_at])}, not an integer from 0 to 6")
                usage = _USAGE_INDEX.get(fields[usage_at].strip())
                if usage is None:
                    self._fail(f"Usage is {_clip(fields[usage_at])}, none of {', '.join(USAGES)}")
                images += self._pixels(fields[pixels_at])
                emotions.append(emotion)
                usages.append(usage)
                rows.append(self.row)
                if self.row % _ROWS_PER_UPDATE == 0:
                    bar.update(task, completed=self.characters // _MB)
        if not rows:
            raise DataError(f"{self.name} has a header and no rows")
        tensors = {
            "images": torch.frombuffer(images, dtype=torch.uint8).view(-1, 1, SIDE, SIDE),
            "emotions": torch.tensor(emotions),
            "usages": torch.frombuffer(usages, dtype=torch.uint8),
            "rows": torch.tensor(rows),
        }
        order = tensors["usages"].argsort(stable=True)
        if order.equal(torch.arange(len(rows))):  # as Kaggle's file is: no copy
            return tensors
        return {name: tensor[order] for name, tensor in tensors.items()}

    def _header(self) -> tuple[int, int, int, int]:
        """The number of columns and the places of emotion, pixels and Usage."""
        header = self._next()
        if header is None:
            raise DataError(f"{self.name} is empty; expected a CSV with the columns {', '.join(_COLUMNS)}")
        emotion, pixels, usage = places = column_places(header, _COLUMNS)
        if -1 in places:
            missing = ", ".join(name for name, place in zip(_COLUMNS, places, strict=True) if place < 0)
            shown = ", ".join(_clip(name) for name in header[:6])
            is_text = all(name.isprintable() and "\ufffd" not in name for name in header)
            hint = "" if is_text else "; this is not a text file"
            raise DataError(f"{self.name}, line 1: no column {missing} in the header ({shown}){hint}")
        return len(header), emotion, pixels, usage

    def _next(self) -> list[str] | None:
        try:
            return next(self.reader, None)
        except csv.Error as error:
            line = self.reader.line_num
            raise DataError(f"{self.name}, row {self.row + 1} (line {line}): not a CSV ({error})") from error

    def _pixels(self, field: str) -> bytes:
        # digits and blanks alone, 2,304 values, none above 255: nearly every row, at C speed
        data = field.encode()
        if not data.translate(None, b"0123456789 "):
            values = np.fromstring(data, dtype=np.int64, sep=" ")
            if len(values) == PIXELS and values.max() <= 255:
                return values.astype(np.uint8).tobytes()
        pixels = []
        for number, token in enumerate(field.split(), start=1):
            digits = token.removeprefix("-")
            if not (digits.isascii() and digits.isdecimal()):
                self._fail(f"pixel {number} is {_clip(token)}, not an integer")
            if digits != token or len(token) > 9 or int(token) > 255:
                self._fail(f"pixel {number} is {_clip(token)}, outside 0 to 255")
            pixels.append(int(token))
        if len(pixels) != PIXELS:
            self._fail(f"{len(pixels):,} pixels, not {PIXELS:,} (48 × 48)")
        return bytes(pixels)

    def _fail(self, rule: str) -> NoReturn:
        place = f"{self.name}, row {self.row} (line {self.reader.line_num})"
        try:
            is_last = self.row > 1 and self._next() is None
        except DataError:
            is_last = False
        hint = "; it is the last row, so the file is probably truncated: download it again" if is_last else ""
        raise DataError(f"{place}: {rule}{hint}")


def _clip(text: str, limit: int = 30) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "…")
