"""What PyTorch leaves to its users: files that are whole or not there, what the processor is good at, and memory."""

import ctypes
import io
import os
import sys
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


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's `mallopt(3)`."""


def keep_freed_memory() -> None:
    """Have glibc keep the memory that torch frees, for its next tensors; does nothing on another C library.

    Every step of a training on the processor makes and frees the same large tensors. glibc hands them back to the
    system and asks for them anew, and the system clears each page: up to 50,000 of them in one step of Mini-Xception.
    Whoever has chosen otherwise (MALLOC_… or GLIBC_TUNABLES in the environment) keeps their choice.
    """
    chosen = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if chosen or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**31 - 1)  # below 2 GiB nothing is mapped by itself
        mallopt(_M_TRIM_THRESHOLD, -1)  # and nothing is handed back
