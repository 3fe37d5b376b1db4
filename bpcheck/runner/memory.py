"""The memory of a process: what it frees and keeps, and what all workers may hold."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

# Parameters of mallopt(3), and the largest threshold that glibc takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_THRESHOLD = 32 * 2**20

#: Of the memory that is free, what all workers together may hold.
SHARE = 0.9


def keep_freed_memory() -> None:
    """Let the allocator keep what large arrays free, for the rest of this process's life.

    glibc hands large blocks back to the system, which gives them out again full of zeros. A kernel
    that leaves a part of a large result unwritten then looks right, if that part is to be 0; and a
    quarter of the time of a case with large arrays goes into asking for its memory again. Other
    allocators are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, 8 * _LARGEST_THRESHOLD)


def free_memory() -> int:
    """Bytes of memory that are free, as far as the system tells; else 0, for no limit."""
    if not sys.platform.startswith("linux"):
        return 0
    free = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free += [int(each.split()[1]) * 1024 for each in lines if each.startswith("MemAvailable")]
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        free.append(limit - int((group / "memory.current").read_text(encoding="ascii")))
    return max(0, min(free)) if free else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
