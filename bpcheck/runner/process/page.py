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
    seconds
        How long the call at hand has taken, divided by how many times the usual it may take; 0
        between calls.
    function
        What is, or was last, called: ``"forward"``.
    """

    task: int
    seconds: float
    function: str


class Page:
    """The memory itself.

    Examples
    --------
    >>> import multiprocessing
    >>> page = Page(multiprocessing.get_context())
    >>> page.begin_task(7)
    >>> page.begin_call("forward", times=10)
    >>> page.at.task, page.at.function, 0 < page.at.seconds < 1
    (7, 'forward', True)
    >>> page.end_call()
    >>> page.at.seconds
    0.0
    """

    def __init__(self, context: BaseContext):
        # Inherited by a fork, and sent along to a process that is spawned.
        self._memory: Any = context.RawArray("c", _SIZE)
        self._task = IDLE
        self._write(0.0, 1.0, b"")

    def begin_task(self, number: int) -> None:
        """The worker begins a task, or is idle."""
        self._task = number
        self._write(0.0, 1.0, b"")

    def begin_call(self, function: str, *, times: float) -> None:
        """The subject is called; this call may take so many times the usual."""
        self._write(time.monotonic(), times, function.encode()[:_NAME])

    def end_call(self) -> None:
        """The call came back."""
        _, _, times, length = _HEAD.unpack_from(self._memory)
        _HEAD.pack_into(self._memory, 0, self._task, 0.0, times, length)

    @property
    def at(self) -> At:
        """What the worker is at now."""
        task, began, times, length = _HEAD.unpack_from(self._memory)
        name = bytes(self._memory[_HEAD.size : _HEAD.size + max(0, length)])
        seconds = (time.monotonic() - began) / times if began else 0.0
        return At(task, seconds, name.decode(errors="replace"))

    def _write(self, began: float, times: float, name: bytes) -> None:
        self._memory[_HEAD.size : _HEAD.size + len(name)] = name
        _HEAD.pack_into(self._memory, 0, self._task, began, times, len(name))
