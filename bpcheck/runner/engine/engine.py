"""An executor as a run holds it: how many workers it has, and another one where it breaks."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from bpcheck.errors import BpcheckError

#: Attributes by which executors tell how many workers they have.
_TELLING = ("num_workers", "_max_workers")


class EngineError(BpcheckError):
    """An engine that does no work, or does it no more."""


class Engine:
    """An executor.

    Parameters
    ----------
    executor
        Any `concurrent.futures.Executor`, such as Dask's or MPI's.
    name
        As a person calls it.
    workers
        How many workers it has, where that is known.
    make
        Makes another one, where that can be done.
    why_idle
        Says why an engine that does nothing does nothing; ``""`` if it may be at work.
    say
        Tells a person something about the run, while it goes on.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        name: str = "the executor",
        workers: int = 0,
        make: Callable[[], Executor] | None = None,
        why_idle: Callable[[], str] = lambda: "",
        say: Callable[[str], object] = lambda text: None,
    ):
        self.executor, self.name, self._make = executor, name, make
        self.workers = workers or workers_of(executor)
        self.why_idle, self.say = why_idle, say

    def submit(self, function: Callable[..., bytes], *args: Any) -> Future[bytes]:
        """Have it call a function."""
        # Processes that it starts for that are of one group with this one, at a terminal: Ctrl-C is
        # meant for the run, which tells them.
        with _interrupts_held_back():
            return self.executor.submit(function, *args)

    def renew(self) -> bool:
        """Have another executor in the place of one that broke; whether there is one."""
        if self._make is None:
            return False
        shut_down(self.executor)
        try:
            self.executor = self._make()
        except Exception:  # noqa: BLE001 - the user's code, or what it stands on
            return False
        return True


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C wait; processes that are started meanwhile do not hear of it at all."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def workers_of(executor: Any) -> int:
    """How many workers an executor has; where it does not tell, as many as there are cores.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> workers_of(ThreadPoolExecutor(3))
    3
    """
    told = [getattr(executor, name, None) for name in _TELLING]
    return next((each for each in told if isinstance(each, int) and each > 0), os.cpu_count() or 1)


def shut_down(executor: Executor) -> None:
    """Have it end, without waiting for what it is at."""
    with contextlib.suppress(Exception):
        try:
            executor.shutdown(wait=False, cancel_futures=True)
        except TypeError:
            # Those of a time before that option.
            executor.shutdown(wait=False)
