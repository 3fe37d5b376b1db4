"""One thread: small cases gain nothing from more, and sums must not depend on their number."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, and the BLAS and OpenMP libraries that are loaded, use one thread meanwhile.

    The order in which threads add their parts changes the last bits of a real sum, so a report
    would depend on the machine; and on a busy machine waking a thread costs more than a small case.
    Processes (`jobs`) are what makes a run faster.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
