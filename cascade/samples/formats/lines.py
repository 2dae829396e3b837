"""Text files of annotations, line by line, with errors that name the line."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from cascade.errors import DataError


class Lines:
    """A text file's lines with their numbers, less blank ones and comments."""

    def __init__(self, source: Path) -> None:
        self.source = source
        try:
            text = source.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{source} is not a UTF-8 text file: {error.reason}") from error
        except OSError as error:
            raise DataError(f"cannot read {source}: {error.strerror}") from error
        stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
        self.content = [(number, line) for number, line in stripped if line and not line.startswith("#")]

    def fail(self, number: int, rule: str) -> NoReturn:
        """Raise the error of a line that breaks a rule."""
        raise DataError(f"{self.source}, line {number}: {rule}")


def finite_numbers(tokens: Sequence[str]) -> list[float] | None:
    """The numbers that the tokens spell; None when one of them is no finite number."""
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None
