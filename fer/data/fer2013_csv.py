"""Reading fer2013's CSV: 48×48 pixels, an emotion and a split per row, all of them checked."""

import logging
import re
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cascade.terminal import progress_bar
from fer.data.faces import Split
from fer.data.strict_csv import StrictCsv, clipped, open_csv
from fer.labels import EXPRESSIONS

SIDE = 48
PIXELS = SIDE * SIDE
#: The file's names for the splits, in the order in which `parse_fer2013` sorts its rows.
USAGES: dict[str, Split] = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}

_EMOTIONS = {str(index): index for index in range(len(EXPRESSIONS))}
_USAGE_INDEX = {usage: index for index, usage in enumerate(USAGES)}
_ROWS_PER_UPDATE, _MB = 256, 1_000_000
_log = logging.getLogger(__name__)


def parse_fer2013(path: Path) -> dict[str, Tensor]:
    """Read `fer2013.csv` or `icml_face_data.csv`, plain or inside a .zip or .tar.gz.

    Returns:
        all rows, sorted by usage and, within a usage, as the file has them: `images`, uint8 (N, 1, 48, 48);
        `emotions`, int64 (N,), 0 to 6; `usages`, uint8 (N,), indices into `USAGES`; `rows`, int64 (N,), each
        row's place in the file, 1 for the first after the header.

    Raises:
        DataError: naming the file, the row, the line and the rule that it breaks.
    """
    start = time.perf_counter()
    images, emotions, usages = bytearray(), [], bytearray()
    with open_csv(path, ("emotion", "pixels", "Usage")) as table, progress_bar() as bar:
        task = bar.add_task(f"Parsing {Path(table.name).name}, MB", total=table.size // _MB)
        for emotion, pixels, usage in table:
            if emotion not in _EMOTIONS:
                table.refuse(f"emotion is {clipped(emotion)}, not an integer from 0 to 6")
            if usage not in USAGES:
                table.refuse(f"Usage is {clipped(usage)}, none of {', '.join(USAGES)}")
            images += _pixels(pixels, table)
            emotions.append(_EMOTIONS[emotion])
            usages.append(_USAGE_INDEX[usage])
            if table.row % _ROWS_PER_UPDATE == 0:
                bar.update(task, completed=table.stream.tell() // _MB)
    _log.info("Parsed %s: %s rows in %.1f s", table.name, f"{table.row:,}", time.perf_counter() - start)
    tensors = {
        "images": torch.frombuffer(images, dtype=torch.uint8).view(-1, 1, SIDE, SIDE),
        "emotions": torch.tensor(emotions),
        "usages": torch.frombuffer(usages, dtype=torch.uint8),
        "rows": torch.arange(1, table.row + 1),
    }
    order = tensors["usages"].argsort(stable=True)
    if order.equal(torch.arange(len(order))):  # as Kaggle's file is: no copy
        return tensors
    return {name: tensor[order] for name, tensor in tensors.items()}


def _pixels(field: str, table: StrictCsv) -> bytes:
    # digits and blanks alone, 2,304 values, none above 255: nearly every row, at C speed
    data = field.encode()
    if not data.translate(None, b"0123456789 "):
        values = np.fromstring(data, dtype=np.int64, sep=" ")
        if len(values) == PIXELS and values.max() <= 255:
            return values.astype(np.uint8).tobytes()
    tokens = field.split()
    for number, token in enumerate(tokens, start=1):
        if not re.fullmatch("-?[0-9]+", token):
            table.refuse(f"pixel {number} is {clipped(token)}, not an integer")
        if token.startswith("-") or float(token) > 255:
            table.refuse(f"pixel {number} is {clipped(token)}, outside 0 to 255")
    if len(tokens) != PIXELS:
        table.refuse(f"{len(tokens):,} pixels, not {PIXELS:,} (48 × 48)")
    return np.array(tokens, dtype=float).astype(np.uint8).tobytes()
