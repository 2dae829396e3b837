"""How much memory a training may take."""

import os
import sys
from pathlib import Path


def available_memory() -> int | None:
    """Bytes of memory that a new process can have without swapping; None where the system does not tell."""
    if sys.platform != "linux":
        names = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
        known = hasattr(os, "sysconf") and set(names) <= set(os.sysconf_names)
        return os.sysconf(names[0]) * os.sysconf(names[1]) if known else None
    lines = Path("/proc/meminfo").read_text().splitlines()
    limits = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    group, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if group.is_file() and used.is_file() and group.read_text().strip().isdigit():
        limits.append(int(group.read_text()) - int(used.read_text()))
    return min(limits, default=None)
