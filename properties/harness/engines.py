"""Engines of the tests: kernels for them, an executor that breaks, a Dask cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

from bpcheck import Subject
from reference import avg_pool


def doubled(residuals: Any, y_bar: Any) -> Any:
    return tuple(2 * x_bar for x_bar in avg_pool.vjp(residuals, y_bar))


def crashing(x: Any, **params: Any) -> Any:
    if x.shape[-1] == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return avg_pool.forward(x, **params)


WRONG = Subject(avg_pool.forward, doubled, operation="avg_pool1d")
CRASHING = Subject(crashing, avg_pool.vjp, operation="avg_pool1d")


def one_process() -> Executor:
    return ProcessPoolExecutor(1)


class Failing(Executor):
    """Does what it is asked at once, until it is asked once too often."""

    def __init__(self, good: int):
        self._left = good

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._left -= 1
        future: Future[Any] = Future()
        if self._left < 0:
            future.set_exception(OSError("the cable is out"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


FAILING = Failing(0)
A_NUMBER = 7
