"""Where the subjects of a command run, and what they may take."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from bpcheck.cli.project import Entry
from bpcheck.cli.requests import loaded, operation_of
from bpcheck.errors import UsageError
from bpcheck.operations import Operation
from bpcheck.runner.engine.engine import Engine
from bpcheck.runner.engine.named import engine_named
from bpcheck.runner.in_process import why_in_process
from bpcheck.runner.loading import told_of_loading
from bpcheck.runner.memory import SHARE, free_memory
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.place import Workers
from bpcheck.runner.run import claiming
from bpcheck.runner.settings import Snapshot
from bpcheck.runner.site import Here, Site
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Safety:
    """What was typed.

    Parameters
    ----------
    in_process
        Whether subjects are to run in this process.
    call_timeout
        Seconds for a call.
    memory
        GiB for a worker, if that was said.
    jobs
        Number of workers that judge cases.
    executor
        The engine that they are of, if that was said.
    """

    in_process: bool
    call_timeout: float
    memory: float | None
    jobs: int = 1
    executor: str | None = None

    def is_in_process(self) -> bool:
        """Whether subjects run in this process; it is said if nobody asked for it."""
        if self.executor is not None:
            if self.in_process:
                raise UsageError(
                    f"--executor {self.executor}: it runs the code in other processes; leave out "
                    "--in-process, or --executor"
                )
            return False
        if self.in_process:
            return self.jobs == 1
        why = why_in_process()
        if why:
            click.echo(f"bpcheck runs the code in its own process, as {why}.", err=True)
        return bool(why) and self.jobs == 1

    def allowed(self) -> Allowed:
        """What a subject may take; each machine of an engine knows its own memory."""
        if self.executor is not None and not self.memory:
            return Allowed(self.call_timeout)
        memory = (
            int(self.memory * 2**30) if self.memory else int(free_memory() * SHARE) // self.jobs
        )
        return Allowed(self.call_timeout, memory)


@contextlib.contextmanager
def engine_of(safety: Safety, directory: Path) -> Iterator[Engine | None]:
    """The engine that was asked for, until the command ends.

    Where a module makes it, that is looked for in `directory`.
    """
    if safety.executor is None:
        yield None
        return

    def say(text: str) -> None:
        click.echo(text, err=True)

    workers = safety.jobs if safety.jobs > 1 else 0
    with engine_named(safety.executor, directory=directory, workers=workers, say=say) as engine:
        yield engine


def loaded_to_check(entry: Entry, directory: Path, *, dtypes: tuple[str, ...] | None) -> Subject:
    """The subject of an entry, from whom the dtypes are asked that somebody asked for."""
    return claiming(loaded(entry, directory, dtypes=dtypes), None, dtypes)


@contextlib.contextmanager
def placed_entry(
    entry: Entry,
    directory: Path,
    *,
    dtypes: tuple[str, ...] | None,
    in_process: bool,
    safety: Safety,
    load: Callable[..., Subject] = loaded,
    engine: Engine | None = None,
) -> Iterator[Site]:
    """The place in which the subject of an entry runs."""
    if in_process:
        before, known = Snapshot.taken(of_import=True), set(sys.modules)
        subject = load(entry, directory, dtypes=dtypes)
        changed = before.put_back()
        yield Here(subject, notes=told_of_loading(changed, known))
        return
    # Once here instead of in each worker, and never while an interrupt is kept from its effect.
    import torch  # noqa: F401

    def operation(address: str) -> Operation:
        before = Snapshot.taken(of_import=True)
        found = operation_of(entry, directory)
        before.put_back()
        return found

    # One of the user's own is known when its module is.
    is_own = ":" in entry.operation
    with Workers(
        partial(load, entry, directory, dtypes=dtypes),
        operation,
        jobs=safety.jobs,
        allowed=safety.allowed(),
        warm=None if is_own else operation_of(entry, directory),
        # Torch imports Triton by the way, and its interpreter starts only where it is asked for
        # before that.
        spawns=entry.interpret,
        engine=engine,
    ) as workers:
        yield workers
