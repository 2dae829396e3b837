"""What PyTorch leaves to its users: files that are whole or not there, and what the processor is good at."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cascade.files import write_whole


def save(state: Mapping[str, Any], path: Path) -> None:
    """Write what `torch.load` reads, whole or not at all; raises OutputError where it cannot be written.

    By way of the memory: torch's own writer tells of a full disk in a RuntimeError about positions, and writes the
    file's name inside.
    """
    torch.save(dict(state), archive := io.BytesIO())
    write_whole(path, archive.getvalue())


def has_bf16() -> bool:
    """Whether the processor multiplies numbers of 16 bits; where it does not, they are far slower than those of 32."""
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not public, so it may go
    return told is not None and bool(told())
