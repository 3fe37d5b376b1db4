"""The workers of one subject: tasks are handed to them, and those who end are replaced."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.context import BaseContext
from typing import Any

from bpcheck.errors import BpcheckError
from bpcheck.finding import Kind
from bpcheck.runner.given_up import ASKED
from bpcheck.runner.process.death import Death, DiedError, LostError
from bpcheck.runner.process.handle import Allowed, Handle
from bpcheck.runner.process.patience import Patience
from bpcheck.runner.process.worker import Answer, Load, Task

#: Tasks that a worker has at once: enough that it never waits for the next one.
AHEAD = 3

#: Seconds between looks at workers that do not answer: how late an end is seen at most.
_LOOK = 0.05

#: Workers in a row that end with no task at hand, until that is taken for an answer.
_IDLE_DEATHS = 5


@dataclass(eq=False, slots=True)
class Job:
    """One task on its way: what is to be done, and what came of it.

    `tries` counts the workers that ended at it. Of a question nothing is told if it has no answer;
    `on_news` is called with what is told before it is done. Nobody waits for one that is dropped.
    """

    task: Task
    args: tuple[Any, ...]
    number: int = 0
    tries: list[Death] = field(default_factory=list)
    is_done: bool = False
    value: Any = None
    death: Death | None = None
    is_question: bool = False
    is_dropped: bool = False
    on_news: Callable[[Any], None] | None = None


class Crew:
    """Workers that have loaded one subject.

    Parameters
    ----------
    load
        Makes the subject, in each of them.
    size
        How many there are.
    allowed
        What the subject may take.
    spawns
        Whether they start anew, since a fork of what is loaded here would not work.
    patience
        What is known of its calls, also to other workers of the same subject.
    """

    def __init__(
        self,
        load: Load,
        *,
        size: int,
        allowed: Allowed,
        spawns: bool = False,
        patience: Patience | None = None,
    ):
        self._context = _context(spawns=spawns)
        self._load, self._size, self._allowed = load, size, allowed
        self._patience = patience or Patience()
        self._folder = tempfile.TemporaryDirectory(prefix="bpcheck-", ignore_cleanup_errors=True)
        self._handles: list[Handle] = []
        self._waiting: deque[Job] = deque()
        #: To be tried once more while nothing else runs.
        self._alone: deque[Job] = deque()
        self._given: dict[int, Job] = {}
        self._numbers = self._names = self._idle_deaths = 0
        self._looked = 0.0
        #: What loading the subject did to its process, as the first worker saw it.
        self.notes: tuple[str, ...] = ()

    def start(self) -> None:
        """Start the first worker now; the others start when there is work for them."""
        if not self._handles:
            self._hire()

    def put(self, task: Task, *args: Any) -> Job:
        """Have a task done: a function of a bench and of what can be pickled."""
        job = Job(task, args)
        self.take(job)
        return job

    def take(self, job: Job) -> None:
        """Have a job done that may have been another's."""
        self._numbers += 1
        job.number = self._numbers
        self._waiting.append(job)
        self._hand_out()

    def wait(self, job: Job) -> None:
        """Wait until something has come of a job."""
        while not job.is_done:
            self.step()

    def ask(self, task: Task, *args: Any, on_news: Callable[[Any], None] | None = None) -> Any:
        """What a task gives, in a worker that has nothing else to do.

        Raises
        ------
        LostError
            If the worker ended at it.
        """
        job = Job(task, args, is_question=True, on_news=on_news)
        self.take(job)
        self.wait(job)
        if job.death is not None:
            raise LostError(job.death)
        return job.value

    def step(self) -> None:
        """Wait a moment for answers and ends, and hand out what waits."""
        self._hand_out()
        ready = multiprocessing.connection.wait(
            [each for h in self._handles for each in (h.connection, h.sentinel)], _LOOK
        )
        for handle in list(self._handles):
            if handle.connection in ready:
                self._take_answers(handle)
        ended = any(handle.sentinel in ready for handle in self._handles)
        now = time.monotonic()
        if ended or now - self._looked > _LOOK:
            self._looked = now
            self._look_after_all()
        self._hand_out()

    def _take_answers(self, handle: Handle) -> None:
        for answer in handle.answers():
            self._idle_deaths = 0
            if not answer.number:
                self._take_loaded(answer)
                continue
            if answer.is_news:
                self._pass_on(answer)
                continue
            self._patience.came_back(answer.longest / self._allowed.seconds, shapes=answer.shapes)
            job = self._given.pop(answer.number)
            job.is_done, job.value = True, answer.value
            if answer.raised is not None:
                raise answer.raised
            if answer.is_last:
                self._let_go(handle)
                return

    def _pass_on(self, answer: Answer) -> None:
        job = self._given.get(answer.number)
        if job is not None and job.on_news is not None:
            job.on_news(answer.value)

    def _take_loaded(self, answer: Answer) -> None:
        if answer.raised is not None:
            raise answer.raised
        self.notes = self.notes or answer.value

    def _look_after_all(self) -> None:
        for handle in list(self._handles):
            death = handle.death()
            if death is not None:
                self._bury(handle, death)

    def _bury(self, handle: Handle, death: Death) -> None:
        """Say what became of a worker's tasks: the one at hand has ended it, the others wait."""
        at_hand = handle.task_at_hand
        # What it said before its end counts.
        self._take_answers(handle)
        if handle not in self._handles:
            return
        if not handle.is_loaded:
            self._let_go(handle)
            self._end_of_loading(death)
            return
        job = self._given.get(at_hand) if at_hand in handle.tasks else None
        if job is None:
            self._idle_deaths += 1
            if self._idle_deaths > _IDLE_DEATHS:
                raise BpcheckError(f"workers end between two cases: {death.message}")
        else:
            handle.tasks.remove(at_hand)
            del self._given[at_hand]
        self._let_go(handle)
        if job is not None:
            self._decide(job, death)

    def _decide(self, job: Job, death: Death) -> None:
        """Try once more what may not be the subject's doing, else take the end for the answer."""
        if job.is_dropped:
            return
        job.tries.append(death)
        is_first = len(job.tries) < 2 and not job.is_question
        if is_first and self._patience.is_to_be_confirmed(death):
            self._alone.append(job)
        elif death.is_kill and len(job.tries) < 2:
            self._waiting.appendleft(job)
        else:
            is_sure = len(job.tries) > 1 or self._patience.is_worth_telling(death)
            job.is_done, job.death = True, replace(death, is_sure=is_sure)
            if death.kind is Kind.TIMED_OUT and is_sure and not job.is_question:
                self._patience.hung(death)

    def _end_of_loading(self, death: Death) -> None:
        # A kill may come from outside, as when memory runs out, and so may an end without a reason.
        self._idle_deaths += 1
        if not (death.is_kill or death.kind is Kind.EXITS) or self._idle_deaths > _IDLE_DEATHS:
            raise DiedError(
                f"{death.message}, when it was imported. "
                "Mend that first; bpcheck can only check code that imports."
            )

    def _let_go(self, handle: Handle) -> None:
        """End a worker; what it has not done waits for another one."""
        handle.kill()
        self._handles.remove(handle)
        left = [self._given.pop(number) for number in handle.tasks]
        self._waiting.extendleft(each for each in reversed(left) if not each.is_dropped)

    def _hand_out(self) -> None:
        if self._alone:
            if not self._given:
                self._give(self._alone.popleft(), self._least_busy())
            return
        while self._waiting:
            handle = self._least_busy()
            if len(handle.tasks) >= AHEAD or any(job.tries for job in self._given.values()):
                return
            self._give(self._waiting.popleft(), handle)

    def _least_busy(self) -> Handle:
        free = [each for each in self._handles if not each.tasks]
        for each in free[: max(0, len(self._handles) - self._most)]:
            self._let_go(each)
            free.remove(each)
        if not free and len(self._handles) < self._most:
            free = [self._hire()]
        return min(free or self._handles, key=lambda each: len(each.tasks))

    @property
    def _most(self) -> int:
        """How many workers there may be: more where all that they do is wait, for one of them."""
        return max(self._size, ASKED) if self._patience.is_waiting_for_any else self._size

    def _give(self, job: Job, handle: Handle) -> None:
        self._given[job.number] = job
        patience = self._patience
        first = patience.again if job.tries else patience.first
        handle.send(
            job.number, job.task, job.args, first=patience.asked if job.is_question else first
        )

    def _hire(self) -> Handle:
        self._names += 1
        handle = Handle(
            self._context, self._load, self._folder.name, f"worker-{self._names}", self._allowed
        )
        self._handles.append(handle)
        return handle

    def drop(self, job: Job) -> None:
        """Wait for a job no more; who is at it may finish."""
        job.is_dropped = True
        for queue in (self._waiting, self._alone):
            if job in queue:
                queue.remove(job)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to wait for."""
        return not (self._given or self._waiting or self._alone)

    @property
    def pids(self) -> Iterator[int]:
        """Numbers of its processes."""
        return (each.pid for each in self._handles)

    def close(self) -> None:
        """End all workers, whatever they are at."""
        self._waiting.clear()
        self._alone.clear()
        for handle in self._handles:
            handle.kill()
        self._handles.clear()
        self._given.clear()
        self._folder.cleanup()


def _context(*, spawns: bool) -> BaseContext:
    """How workers are started."""
    ways = multiprocessing.get_all_start_methods()
    if "fork" in ways and not spawns:
        return multiprocessing.get_context("fork")
    if "forkserver" not in ways:
        return multiprocessing.get_context("spawn")
    # A process that has loaded what judging needs, and nothing of the user's, forks them: each
    # would take seconds to load torch, and workers are replaced as often as a subject ends one.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "bpcheck.runner.process.place"])
    return context


def must_spawn() -> bool:
    """Whether a fork of this process would not work: JAX has threads, CUDA a context."""
    if "jaxlib" in sys.modules:
        return True
    torch = sys.modules.get("torch")
    return bool(torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized())
