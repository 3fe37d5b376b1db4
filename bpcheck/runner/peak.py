"""The most memory that a call takes at once: what NumPy, Python and torch allocate for it."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any


def peak_of(function: Callable[[], Any]) -> int:
    """Bytes that a call takes at its peak, beside what was there before.

    It is called twice, as each of the two allocators is watched alone: NumPy's with Python's own,
    and torch's, scratch memory of its kernels included. What C code takes by itself is not seen.
    """
    return _of_numpy(function) + _of_torch(function)


def _of_numpy(function: Callable[[], Any]) -> int:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        kept = function()
        _, peak = tracemalloc.get_traced_memory()
        del kept
        return max(0, peak - before)
    finally:
        if not was_tracing:
            tracemalloc.stop()


def _of_torch(function: Callable[[], Any]) -> int:
    import torch

    with _silent(), torch.autograd.profiler.profile(use_cpu=True, profile_memory=True) as profile:
        kept = function()
    del kept
    assert profile.kineto_results is not None  # noqa: S101 - it has ended
    events = [each for each in profile.kineto_results.events() if each.name() == "[memory]"]
    level = peak = 0
    for each in sorted(events, key=lambda event: event.start_ns()):
        level += each.nbytes()
        peak = max(peak, level)
    return peak


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Nothing on the standard error's descriptor meanwhile: some builds tell when they begin."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
