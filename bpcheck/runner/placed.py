"""Choosing the place of a subject that this process has already."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from bpcheck.errors import UsageError
from bpcheck.operations import Operation
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
    executor: Executor | None = None,
    in_process: bool = True,
    allowed: Allowed | None = None,
) -> Iterator[Site]:
    """The place where a subject of this process is to run."""
    if executor is not None or (in_process and jobs == 1):
        yield Here(subject, executor=executor, jobs=jobs)
        return
    why = why_not_in_workers(subject)
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
    try:
        pickle.dumps(subject)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from travelling
        return f"it cannot be sent to a process that starts anew ({type(error).__name__}: {error})"
    return ""
