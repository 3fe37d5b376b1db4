"""Memory: how much there is and a case takes; and what is freed stays with the process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from math import prod
from pathlib import Path

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.errors import CaseError

# Parameters of mallopt(3), and the largest threshold that glibc takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_THRESHOLD = 32 * 2**20

#: Bytes that are always tried: how much is free is an estimate.
_ALWAYS = 2**28
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


def require_room(cases: Iterable[Case]) -> None:
    """Raise `CaseError` for a case that takes more than is free, before any of it is allocated.

    Its arrays are held once in its own dtype and once in float64, by the oracle; every check that
    runs the subject again adds to that.
    """
    free = free_memory()
    for case in cases:
        cells = sum(prod(shape) for shape in _shapes(case))
        needed = cells * (FORMATS[case.dtype].dtype.itemsize + np.dtype("float64").itemsize)
        if free and needed > max(free, _ALWAYS):
            raise CaseError(
                f"{case}\n    its arrays take {_told(needed)} at least, and {_told(free)} are "
                f"free, of the {_told(_whole())} of memory of this machine; check a smaller one"
            )


def _shapes(case: Case) -> tuple[tuple[int, ...], ...]:
    operands = case.operation.operand_shapes(case.geometry).values()
    y = case.operation.output_shape(case.geometry)
    # Of each a gradient; of y a cotangent.
    return (*operands, *operands, y, y)


def _told(size: int) -> str:
    return f"{size / 10**9:,.3g} GB"


def _whole() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
        used = int((group / "memory.current").read_text(encoding="ascii"))
        stated = (group / "memory.stat").read_text(encoding="ascii").split()
        # What was read from files is given up for whoever needs it.
        free.append(limit - used + int(stated[stated.index("inactive_file") + 1]))
    return max(0, min(free)) if free else _whole()
