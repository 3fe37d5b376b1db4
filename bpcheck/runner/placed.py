"""Choosing the place of a subject that this process has already."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from bpcheck.errors import UsageError
from bpcheck.operations import Operation
from bpcheck.runner.engine.engine import Engine
from bpcheck.runner.process.crew import must_spawn
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.place import Workers
from bpcheck.runner.site import Here, Site
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class _Same:
    """A subject, in a process that inherited it or was sent it."""

    subject: Subject

    def __call__(self) -> Subject:
        return self.subject


@contextlib.contextmanager
def placed(
    subject: Subject,
    *,
    jobs: int = 1,
    executor: Executor | Engine | None = None,
    in_process: bool = True,
    allowed: Allowed | None = None,
) -> Iterator[Site]:
    """The place where a subject of this process is to run."""
    engine = _engine(executor, jobs)
    if engine is not None and why_not_sent(subject):
        # In the engine's own processes, then; threads of this one need no copy.
        yield Here(subject, executor=engine.executor, jobs=engine.workers)
        return
    if in_process and jobs == 1 and engine is None:
        yield Here(subject)
        return
    why = "" if engine is not None else why_not_in_workers(subject)
    if why and jobs == 1:
        yield Here(subject, notes=(f"judged in this process, as {why}",))
        return
    if why:
        raise UsageError(f"jobs={jobs}: {subject.name} {why}; or check it with one job")
    operation = subject.operation

    def same_operation(address: str) -> Operation:
        return operation

    workers = Workers(
        _Same(subject),
        same_operation,
        jobs=jobs,
        allowed=allowed,
        subject=subject,
        warm=operation,
        engine=engine,
    )
    with workers:
        yield workers


def why_not_in_workers(subject: Subject) -> str:
    """Why no worker can run a subject of this process; ``""`` if one can."""
    why = subject.operation.why_unaddressed
    if why:
        return f"{subject.operation.name} {why}"
    if not must_spawn():
        return ""
    return _why_not_pickled(subject)


def why_not_sent(subject: Subject) -> str:
    """Why no process of an engine can give a subject of this one to another; ``""`` if one can."""
    why = _why_not_pickled(subject)
    # What a program calls its own main module is another one there.
    if not why and b"__main__" in pickle.dumps(subject):
        why = "it is of the module __main__"
    return why


def _why_not_pickled(subject: Subject) -> str:
    try:
        pickle.dumps(subject)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from travelling
        return f"it cannot be sent to a process that starts anew ({type(error).__name__}: {error})"
    return ""


def _engine(executor: Executor | Engine | None, jobs: int) -> Engine | None:
    if executor is None or isinstance(executor, Engine):
        return executor
    return Engine(executor, workers=jobs if jobs > 1 else 0)
