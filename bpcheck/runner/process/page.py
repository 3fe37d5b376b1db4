"""What a worker is at, in memory that it shares with its parent: it may not live to tell."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any

#: The task, when the call at hand began (0: none), how many times the usual it may take, and how
#: many bytes of the function's name follow.
_HEAD = struct.Struct("=qddb")
_NAME = 15
_SIZE = _HEAD.size + _NAME

#: The number of no task.
IDLE = -1


@dataclass(frozen=True, slots=True)
class At:
    """What a worker is at.

    Parameters
    ----------
    task
        Number of the task, or `IDLE`.
    began, elapsed
        When the call at hand began, and how many seconds ago; 0 between calls.
    times
        How many times the usual it may take.
    function
        What is, or was last, called: ``"forward"``.
    """

    task: int
    began: float
    elapsed: float
    times: float
    function: str


class Page:
    """The memory itself.

    Examples
    --------
    >>> import multiprocessing
    >>> page = Page(multiprocessing.get_context())
    >>> page.begin_task(7)
    >>> page.begin_call("forward", times=10)
    >>> page.at.task, page.at.function, 0 < page.at.elapsed < 10, page.at.times
    (7, 'forward', True, 10.0)
    >>> page.end_call()
    >>> page.at.elapsed
    0.0
    """

    def __init__(self, context: BaseContext):
        # Inherited by a fork, and sent along to a process that is spawned. Of the two copies the
        # worker writes into the one that is not read, and then counts up: it may be held up, or
        # killed, in the middle.
        self._copies: Any = context.RawArray("c", 2 * _SIZE)
        self._count: Any = context.RawValue("q", 0)
        self._task, self._times, self._name = IDLE, 1.0, b""
        self._write(0.0)

    def begin_task(self, number: int) -> None:
        """The worker begins a task, or is idle."""
        self._task, self._times, self._name = number, 1.0, b""
        self._write(0.0)

    def begin_call(self, function: str, *, times: float) -> None:
        """The subject is called; this call may take so many times the usual."""
        self._times, self._name = times, function.encode()[:_NAME]
        self._write(time.monotonic())

    def end_call(self) -> None:
        """The call came back."""
        self._write(0.0)

    @property
    def at(self) -> At:
        """What the worker is at now."""
        count, copy = -1, b""
        while count != self._count.value:
            count = self._count.value
            place = _SIZE * (count % 2)
            copy = self._copies[place : place + _SIZE]
        task, began, times, length = _HEAD.unpack_from(copy)
        name = copy[_HEAD.size : _HEAD.size + length]
        elapsed = time.monotonic() - began if began else 0.0
        return At(task, began, elapsed, times, name.decode(errors="replace"))

    def _write(self, began: float) -> None:
        count = self._count.value + 1
        head = _HEAD.pack(self._task, began, self._times, len(self._name))
        place = _SIZE * (count % 2)
        self._copies[place : place + _SIZE] = (head + self._name).ljust(_SIZE, b"\0")
        self._count.value = count
