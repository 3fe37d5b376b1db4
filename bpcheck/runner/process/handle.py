"""A worker process as its parent holds it: started, given tasks, watched and ended."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from bpcheck.runner.process.busy import waited_for_processor
from bpcheck.runner.process.death import Death, death_by, timed_out, took_memory
from bpcheck.runner.process.page import IDLE, At, Page
from bpcheck.runner.process.wire import receive, send
from bpcheck.runner.process.worker import Answer, Load, Task, work

#: Seconds between asking a process to end and ending it.
_GRACE = 0.9

#: How many times the time of a call the import of a subject may take.
LOADING = 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a subject may take.

    Parameters
    ----------
    seconds
        For one call; ten times that for the first of a shape, until it is known to hang. Where a
        process waits for a processor, since the machine is busy, they are not counted.
    memory
        Bytes that its process may hold; 0 for any number.
    """

    seconds: float = 30.0
    memory: int = 0


class Handle:
    """One worker process.

    Parameters
    ----------
    context
        How it is started: forked, or spawned.
    load
        Makes the subject there.
    folder, name
        Where its output goes.
    allowed
        What the subject may take.
    """

    def __init__(self, context: BaseContext, load: Load, folder: str, name: str, allowed: Allowed):
        self._allowed, self._folder = allowed, folder
        self._errors = Path(folder) / f"{name}.2"
        self._page = Page(context)
        self.connection, theirs = context.Pipe()
        self._process: Any = context.Process(  # type: ignore[attr-defined]
            target=work,
            args=(theirs, self._page, load, folder, name, self._parent(context)),
            name=name,
        )
        with warnings.catch_warnings():
            # Newer Pythons warn of threads that a fork does not have; a worker needs none of them.
            warnings.simplefilter("ignore")
            self._process.start()
        theirs.close()
        self._ended_for: Death | None = None
        #: Numbers of the tasks that it has and has not answered, the oldest first.
        self.tasks: list[int] = []
        self._loading_since = time.monotonic()
        #: The call that was seen last, and how long it had waited for a processor when it was new.
        self._call, self._waited = (IDLE, 0.0), 0.0
        self.is_loaded = False
        self._send(0, None, (), 1.0)

    @staticmethod
    def _parent(context: BaseContext) -> int:
        """The process that it ends with; a server that forks sees to that itself."""
        return 0 if context.get_start_method() == "forkserver" else os.getpid()

    @property
    def sentinel(self) -> int:
        """What becomes ready when the process ends."""
        sentinel: int = self._process.sentinel
        return sentinel

    def send(self, number: int, task: Task, args: tuple[Any, ...], *, first: float) -> None:
        """Give it a task; it does them in their order.

        The first call of a shape may take `first` times the usual.
        """
        self.tasks.append(number)
        self._send(number, task, args, first)

    def _send(self, number: int, task: Task | None, args: tuple[Any, ...], first: float) -> None:
        # Whoever has gone meanwhile is found out by `death`, with the tasks it had.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            send(self.connection, (number, task, args, first), self._folder)

    def answers(self) -> Iterator[Answer]:
        """What it has answered."""
        while True:
            try:
                if not self.connection.poll():
                    return
                answer: Answer = receive(self.connection)
            except (EOFError, OSError, pickle.UnpicklingError):
                # It ended in the middle of an answer.
                return
            if not answer.number:
                self.is_loaded = True
            elif not answer.is_news:
                self.tasks.remove(answer.number)
            yield answer

    def death(self) -> Death | None:
        """How it ended, or was ended since it took too much; ``None`` while it may go on."""
        at = self._page.at
        code = self._process.exitcode
        if code is None:
            self._end_if_beyond(at)
            if self._ended_for is None:
                return None
        elif self._ended_for is None:
            function = at.function if at.task != IDLE else ""
            self._ended_for = death_by(code, function=function, errors=self._errors)
        self.kill()
        return self._ended_for

    @property
    def task_at_hand(self) -> int:
        """The task at which it is, or has ended; `IDLE` for none."""
        return self._page.at.task

    def _end_if_beyond(self, at: At) -> None:
        allowed = self._allowed
        if self._taken(at) > allowed.seconds:
            self._end_politely()
            self._ended_for = timed_out(allowed.seconds, function=at.function, errors=self._errors)
        elif allowed.memory and self._resident() > allowed.memory:
            self._ended_for = took_memory(allowed.memory, function=at.function)

    def _taken(self, at: At) -> float:
        """Seconds that the call at hand has taken, divided by how many times the usual it may."""
        waited = waited_for_processor(self.pid)
        if not self.is_loaded:
            return (time.monotonic() - self._loading_since - waited) / LOADING
        if (at.task, at.began) != self._call:
            self._call, self._waited = (at.task, at.began), waited
        return (at.elapsed - (waited - self._waited)) / at.times

    def _end_politely(self) -> None:
        """Ask it to end, which tells at which line it is; a deaf one is ended all the same."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        self._process.join(_GRACE)

    def _resident(self) -> int:
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()
            return int(pages[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0

    def kill(self) -> None:
        """End it, and whatever it has started, at once."""
        pid = self._process.pid
        # Those in a group of their own are not reached with it.
        for each in _below(pid) if self._process.exitcode is None else ():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        # It may not be the head of its group yet; once it is waited for, its number is another's.
        if self._process.exitcode is None:
            self._process.kill()
        self._process.join(5)
        self.connection.close()

    @property
    def pid(self) -> int:
        """Its number in the system."""
        pid: int = self._process.pid
        return pid


def _below(pid: int) -> Iterator[int]:
    """The processes that one has started, and those that they have, as far as the system tells."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError, ValueError):
            for each in map(int, file.read_text(encoding="ascii").split()):
                yield from _below(each)
                yield each
