"""Freed memory stays with the process, so that the next array gets it, with what was left in it."""

from __future__ import annotations

import sys

# Parameters of mallopt(3), and the largest threshold that glibc takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_THRESHOLD = 32 * 2**20


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
