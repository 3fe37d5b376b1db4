"""What a subject does to its process while a case is judged: settings, threads, forks, output."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import thread as pools
from typing import Any, Protocol

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import forget_observers, observed
from bpcheck.cases import Case
from bpcheck.finding import Finding, Kind, Outcome, Status
from bpcheck.runner.process.page import Page
from bpcheck.runner.settings import Snapshot, quick_settings, settings_around_a_call
from bpcheck.subject import Subject

#: The check that tells of it: nothing is expected of a subject but its results.
CHECK = "contract"

#: How many times the usual the first call of a shape may take: it may compile.
FIRST = 10

#: Exit code of the copy of a worker that a subject's fork leaves behind.
FORKED = 86

#: Of what is written so much is told.
_TOLD = 60


class Streams(Protocol):
    """Where the output of this process's file descriptors goes."""

    def taken(self, descriptor: int) -> str:
        """What was written to it since it was asked last."""
        ...

    def flush(self) -> None:
        """Have what libraries have kept written."""
        ...


class Guard:
    """Observes the calls of one case after the other.

    Parameters
    ----------
    page
        Where to write what is being called, for a parent that watches.
    streams
        What catches the output of file descriptors 1 and 2, in a process whose they are.
    is_alone
        Whether the process is the subject's own.
    """

    def __init__(
        self, *, page: Page | None = None, streams: Streams | None = None, is_alone: bool = False
    ):
        self.is_alone = is_alone
        self._page, self._streams, self._pid = page, streams, os.getpid()
        self._names: dict[int, str] = {}
        self._found: list[tuple[Kind, str, str]] = []
        self._before: Snapshot | None = None
        self._threads: set[threading.Thread] = set()
        self._shapes: set[int] = set()
        self._function, self._case = "", ""
        self._calls = self._number_of_threads = 0
        #: How many times the usual the first call of a shape may take, and how long one took.
        self.first = float(FIRST)
        self.longest_first = 0.0
        self._began = 0.0
        self._around: dict[str, Any] = {}
        self._quick: tuple[Any, ...] = ()
        #: Modules that were loaded when the call began, and whether calls have loaded some.
        self._modules, self._has_imported = 0, False
        self._handed: list[tuple[Array, bool, tuple[int, ...]]] = []
        #: Whether something was left behind that other cases should not meet.
        self.is_spoiled = False

    @property
    def shapes(self) -> int:
        """Of how many shapes there were calls in this process."""
        return len(self._shapes)

    @contextlib.contextmanager
    def around(self, subject: Subject, case: Case | None) -> Iterator[None]:
        """Observe the calls of this case."""
        self._names = {id(subject.forward): "forward", id(subject.vjp): "vjp"}
        self._found, self._calls, self._has_imported = [], 0, False
        self._case = "" if case is None else f"{case.geometry} {case.dtype}"
        self._threads = set(threading.enumerate())
        self._number_of_threads = len(self._threads)
        self._before, self._quick = Snapshot.taken(), quick_settings()
        _current[:] = [*_current, self]
        try:
            with observed(self):
                yield
        finally:
            _current.remove(self)
            if case is None:
                # Nothing is told of a question, and the next case is to find all as it was.
                self._before.put_back()

    def begin(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """A call begins."""
        self._function = self._names.get(id(function), "a call")
        self._around = settings_around_a_call()
        self._modules = len(sys.modules)
        self._handed = [
            (each, each.flags.writeable, each.shape)
            for each in args
            # A subclass may do anything when it is looked at.
            if type(each) is np.ndarray
        ]
        if self._page is not None:
            key = hash((self._case, self._function, *(getattr(a, "shape", None) for a in args)))
            is_first = key not in self._shapes
            self._shapes.add(key)
            self._began = time.monotonic() if is_first else 0.0
            self._page.begin_call(self._function, times=self.first if is_first else 1)
        if self._streams is not None:
            # What torch says when it is an oracle is not the subject's.
            self._streams.taken(2)

    def end(self) -> None:
        """It came back, or raised."""
        if os.getpid() != self._pid:
            # A copy, which would judge what is left a second time.
            os._exit(FORKED)
        if self._page is not None:
            self._page.end_call()
        if self._began:
            self.longest_first = max(self.longest_first, time.monotonic() - self._began)
            self._began = 0.0
        self._calls += 1
        # What the harness loads between two calls is not the kernel's doing.
        self._has_imported = self._has_imported or len(sys.modules) > self._modules
        self._look_at_inputs()
        for name, now in settings_around_a_call().items():
            if now != self._around[name] and not self._has_imported:
                self._tell_of_setting(name)
        # The first two are a forward and its vjp; what later ones do is told at the end.
        if self._calls <= 2 or quick_settings() != self._quick:
            self._look_at_settings()
        if threading.active_count() > self._number_of_threads:
            self._look_at_threads()
        if self._streams is not None:
            self._look_at_output(1, Kind.PRINTS)
            self._look_at_output(2, Kind.WRITES)

    def forked(self) -> None:
        """The process was forked in a call."""
        self._tell(
            Kind.LEAVES_RUNNING,
            "forked the process; a copy of all that is loaded goes on there: "
            "start another program instead, or use threads",
        )

    def amended(self, case: Case, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
        """The outcomes of a case, with what was seen of the process.

        Each result has one finding of a check: what failed otherwise comes first.
        """
        self._look_at_the_end()
        given = list(outcomes)
        first = f"{next(iter(case.operation.operands))}_bar"
        for kind, function, message in self._found:
            result = first if function == "vjp" else "y"
            finding = Finding(kind, CHECK, result, str(case), message)
            status = Status.PASSED if kind is Kind.WRITES else Status.FAILED
            told = Outcome(CHECK, result, status, finding)
            place = next(
                (i for i, o in enumerate(given) if (o.check, o.result) == (CHECK, result)), None
            )
            if place is None:
                given.append(told)
            elif given[place].finding is None:
                given[place] = told
        return tuple(given)

    def _look_at_the_end(self) -> None:
        self._look_at_settings()
        if self._streams is not None:
            # C keeps what goes to a file until it is asked.
            self._streams.flush()
            self._look_at_output(1, Kind.PRINTS)
        self._look_at_threads()

    def _look_at_threads(self) -> None:
        left = [each for each in threading.enumerate() if self._is_left(each)]
        if left:
            self.is_spoiled = True
            self._tell(
                Kind.LEAVES_RUNNING,
                f"left {_listed(left)} running, which a program waits for at its end: "
                "join it, or make it a daemon",
            )

    def _is_left(self, thread: threading.Thread) -> bool:
        known = thread in self._threads or thread.daemon or not thread.is_alive()
        # Those of a pool end with the interpreter, which asks them to.
        return not (known or thread in getattr(pools, "_threads_queues", ()))

    def _look_at_inputs(self) -> None:
        """Put back what makes an input another array than it was: its numbers are for checks."""
        for array, is_writeable, shape in self._handed:
            if is_writeable and not array.flags.writeable:
                array.flags.writeable = True
                self._tell(Kind.MUTATES, "made its input read-only for everybody who has it")
            if array.shape != shape:
                self._tell(Kind.MUTATES, f"made its input one of shape {array.shape}")
                with contextlib.suppress(AttributeError, ValueError):
                    array.shape = shape  # type: ignore[deprecated] # as it did itself
        self._handed = []

    def _look_at_settings(self) -> None:
        if self._before is None:
            return
        changed = self._before.put_back()
        if changed and self._has_imported:
            # What a library does when it is loaded is not the kernel's doing.
            self._before, self._quick = Snapshot.taken(), quick_settings()
            self._has_imported = False
            return
        for each in changed:
            self._tell_of_setting(each)

    def _tell_of_setting(self, changed: str) -> None:
        self._tell(
            Kind.SETTINGS, f"changed {changed}, for everybody in the process: put it back after"
        )

    def _look_at_output(self, descriptor: int, kind: Kind) -> None:
        assert self._streams is not None  # noqa: S101 - the callers looked
        written = self._streams.taken(descriptor).strip()
        if not written:
            return
        line = written.split("\n")[0][:_TOLD]
        if kind is Kind.PRINTS:
            remedy = "; a kernel is called thousands of times: remove the print"
            self._tell(kind, f"printed {line!r} on file descriptor 1{remedy}")
        else:
            self._tell(kind, f"wrote {line!r} to the standard error")

    def _tell(self, kind: Kind, what: str) -> None:
        if not any(kind is each for each, _, _ in self._found):
            self._found.append((kind, self._function, f"{self._function} {what}"))


def _listed(threads: Sequence[threading.Thread]) -> str:
    names = ", ".join(repr(each.name) for each in threads[:3])
    return f"the thread{'s' if len(threads) > 1 else ''} {names}"


#: Guards whose case is being judged in this process, for the hook below, which knows nobody else.
_current: list[Guard] = []


def guard_of_this_process() -> Guard:
    """The one that observes already, if any does."""
    return _current[-1] if _current else Guard()


def forget_guards() -> None:
    """Nobody observes a process that is a copy, made by bpcheck, of one that is observed."""
    _current.clear()
    forget_observers()


def _after_fork() -> None:
    if _current:
        _current[-1].forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_parent=_after_fork)
