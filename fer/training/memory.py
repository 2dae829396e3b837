"""Memory that torch has freed."""

import ctypes
import os
import sys

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
