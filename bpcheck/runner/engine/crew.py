"""The workers of an engine, as a run holds them: what the engine loses is done again."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcheck.operations import Operation
from bpcheck.runner.engine.engine import Engine, EngineError
from bpcheck.runner.engine.host import Came
from bpcheck.runner.engine.order import Order, this_machine
from bpcheck.runner.engine.task import do, forget
from bpcheck.runner.process.crew import Crew, Job
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.wire import dumps
from bpcheck.runner.process.worker import Load, Task

#: Cases that travel together: a message of an engine costs about as much as a small case.
CHUNK = 6

#: So often the engine may lose the same cases.
TRIES = 5

#: Seconds in which nothing comes back, until the engine is asked whether it is at work.
PATIENCE = 60.0

#: Seconds between looks at what has come back.
_LOOK = 0.05


@dataclass(eq=False, slots=True)
class _Sent:
    """Cases on their way, and how often the engine has lost them."""

    jobs: list[Job]
    tasks: list[bytes]
    lost: int = 0
    #: Which of its executors has them.
    executor: object = None


class EngineCrew:
    """The workers of an engine; it is held as a `Crew` is.

    Parameters
    ----------
    engine
        The engine.
    load
        Makes the subject; it must be picklable.
    allowed
        What the subject may take.
    operation
        The operation, where it is known.
    """

    def __init__(
        self, engine: Engine, load: Load, *, allowed: Allowed, operation: Operation | None = None
    ):
        self._engine = engine
        self._folder = tempfile.TemporaryDirectory(prefix="bpcheck-run-")
        is_known = operation is not None and operation.is_built_in
        self._order = Order(
            run=self._folder.name,
            machine=this_machine(),
            load=pickle.dumps(load),
            allowed=allowed,
            operation=str(operation) if is_known else "",
            path=tuple(str(Path(each).absolute()) for each in sys.path),
            directory=os.getcwd(),  # noqa: PTH109 - as text it travels to any system
        )
        self._waiting: deque[Job] = deque()
        self._sent: dict[Future[bytes], _Sent] = {}
        self._heard = time.monotonic()
        self._has_worked = False
        #: The worker that goes on where the engine does not.
        self._alone: Crew | None = None
        self._load, self._allowed = load, allowed

    def start(self) -> None:
        """The engine's workers start when there is work for them."""

    def put(self, task: Task, *args: Any) -> Job:
        """Have a task done: a function of a bench and of what can be pickled."""
        if self._alone is not None:
            return self._alone.put(task, *args)
        job = Job(task, args)
        self._waiting.append(job)
        return job

    def step(self) -> None:
        """Wait a moment for what comes back, and send what waits."""
        if self._alone is not None:
            self._alone.step()
            return
        self._send_all()
        done, _ = wait(self._sent, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            # Where one told that the engine has ended, the others wait for another worker already.
            if future in self._sent:
                self._take(future, self._sent.pop(future))
        if done:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > PATIENCE:
            self._heard = time.monotonic()
            why = self._engine.why_idle()
            if why:
                self._go_on_alone(why)

    def _send_all(self) -> None:
        while self._waiting and self._alone is None:
            count = min(CHUNK, len(self._waiting))
            jobs = [self._waiting.popleft() for _ in range(count)]
            self._send(_Sent(jobs, [dumps((job.task, job.args)) for job in jobs]))

    def _send(self, sent: _Sent) -> None:
        sent.executor = self._engine.executor
        try:
            future = self._engine.submit(do, self._order, sent.tasks)
        except Exception as error:  # noqa: BLE001 - whatever keeps an engine from work
            self._lose(sent, error)
            return
        self._sent[future] = sent

    def _take(self, future: Future[bytes], sent: _Sent) -> None:
        try:
            came: Sequence[Came] = pickle.loads(future.result())  # noqa: S301 - our own process has sent it
        except (CancelledError, Exception) as error:  # noqa: BLE001 - as above
            self._lose(sent, error)
            return
        self._has_worked = True
        for value, death, raised in came:
            if raised is not None:
                raise raised
            job = sent.jobs.pop(0)
            job.is_done, job.value, job.death = True, value, death

    def _lose(self, sent: _Sent, error: BaseException) -> None:
        """Have cases done again that the engine has lost."""
        if self._alone is not None:
            self._alone_with(sent.jobs)
            return
        sent.lost += 1
        is_current = sent.executor is self._engine.executor
        is_broken = isinstance(error, BrokenExecutor) or is_refusal(error)
        if is_broken and is_current and not self._engine.renew():
            self._go_on_alone(_said(error), sent)
        elif sent.lost >= TRIES:
            self._go_on_alone(f"it lost the same cases {TRIES} times: {_said(error)}", sent)
        else:
            self._send(sent)

    def _go_on_alone(self, why: str, sent: _Sent | None = None) -> None:
        """Do the rest here, if the engine has ever worked; what was found is not to be lost."""
        engine = self._engine
        if not self._has_worked:
            raise EngineError(
                f"{engine.name} does no work ({why}); see to it that its workers run, and that "
                "bpcheck and the target can be imported there as they are here"
            )
        engine.say(f"{engine.name} does no more work ({why}); the rest is judged here, alone.")
        self._alone = Crew(self._load, size=1, allowed=self._allowed)
        left = [sent] if sent is not None else []
        for each in (*left, *self._sent.values()):
            self._alone_with(each.jobs)
        self._sent.clear()
        self._alone_with(self._waiting)
        self._waiting.clear()

    def _alone_with(self, jobs: Sequence[Job] | deque[Job]) -> None:
        assert self._alone is not None  # noqa: S101 - the callers made it
        for job in jobs:
            self._alone.take(job)

    def drop(self, job: Job) -> None:
        """Wait for a job no more; who is at it may finish."""
        if self._alone is not None:
            self._alone.drop(job)
            return
        job.is_dropped = True
        if job in self._waiting:
            self._waiting.remove(job)

    @property
    def pids(self) -> Iterator[int]:
        """Numbers of its processes, as far as they are this one's."""
        return iter(()) if self._alone is None else self._alone.pids

    def close(self) -> None:
        """Have nothing done any more; whoever is at work sees it by the folder that is gone."""
        self._waiting.clear()
        for future in self._sent:
            future.cancel()
        self._sent.clear()
        self._folder.cleanup()
        forget(self._order)
        if self._alone is not None:
            self._alone.close()


def is_refusal(error: BaseException) -> bool:
    """Whether an executor has said that it takes no more, as one does that was shut down."""
    return isinstance(error, RuntimeError) and "after shutdown" in str(error)


def _said(error: BaseException) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
