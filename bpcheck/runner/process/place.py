"""Workers as the place where a subject runs: whatever it does to them is a finding."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Self, TypeVar

from bpcheck.cases import Case
from bpcheck.filling import fill
from bpcheck.operations import Operation
from bpcheck.oracles.autograd import autograd
from bpcheck.planning.classes import classes_of
from bpcheck.runner.engine.crew import EngineCrew
from bpcheck.runner.engine.engine import Engine
from bpcheck.runner.given_up import ASKED_ONCE, GivenUp
from bpcheck.runner.one import Replay, Terms, judge, replay
from bpcheck.runner.process.crew import Crew, Job, must_spawn
from bpcheck.runner.process.death import Death, LostError
from bpcheck.runner.process.handle import Allowed
from bpcheck.runner.process.patience import Patience
from bpcheck.runner.process.plain import Remembered, plain_judged
from bpcheck.runner.process.standin import described, stand_in
from bpcheck.runner.process.warm import warm_up
from bpcheck.runner.process.worker import Bench, Load
from bpcheck.runner.site import answered
from bpcheck.runner.source import Source
from bpcheck.runner.told import told, untried
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

T = TypeVar("T")

#: Cases that are taken ahead for each worker, so that a slow one does not keep the others waiting.
AHEAD = 12


class Workers:
    """Worker processes in which a subject is loaded.

    Parameters
    ----------
    load
        Makes the subject, in each worker: this process need not have it.
    operation
        Gives the operation that a subject is of, from its address, once it is known that its module
        can be imported.
    jobs
        Number of workers that judge cases. One more answers questions.
    allowed
        What the subject may take.
    subject
        The subject, where this process has it.
    warm
        The operation, where it is known before the subject is loaded.
    spawns
        Whether workers start from nothing, where what this process has imported would hinder them.
    engine
        What judges cases in the place of workers of this process.
    """

    def __init__(
        self,
        load: Load,
        operation: Callable[[str], Operation],
        *,
        jobs: int = 1,
        allowed: Allowed | None = None,
        subject: Subject | None = None,
        warm: Operation | None = None,
        spawns: bool = False,
        engine: Engine | None = None,
    ):
        spawns = spawns or must_spawn()
        if warm is not None and not spawns:
            warm_up(warm)
        allowed = allowed or Allowed()
        self._jobs = jobs if engine is None else engine.workers
        patience = Patience()
        self._aside = Crew(load, size=1, allowed=allowed, spawns=spawns, patience=patience)
        self._crew: Crew | EngineCrew = (
            Crew(load, size=jobs, allowed=allowed, spawns=spawns, patience=patience)
            if engine is None
            else EngineCrew(engine, load, allowed=allowed, operation=warm)
        )
        self._given_up, self._made = GivenUp(), Remembered()
        self._operation = operation
        self._known = subject
        self._subject: Subject | None = subject

    def start(self) -> Self:
        """Start the first worker; it loads the subject meanwhile."""
        self._aside.start()
        return self

    @property
    def subject(self) -> Subject:
        """The subject, or its stand-in, which is made when it is first asked for.

        Raises
        ------
        TargetError
            If it cannot be loaded.
        """
        if self._subject is None:
            description = self._aside.ask(described)
            self._subject = stand_in(
                description, self._operation(description.operation), self._aside.ask
            )
        return self._subject

    @property
    def notes(self) -> tuple[str, ...]:
        """What loading it did to its process, and what was not tried."""
        return (*self._aside.notes, *self._given_up.notes)

    def judge_all(self, source: Source) -> Iterator[Judged]:
        """What comes of each case, in the order of the cases, until too many ended their process.

        How many were handed out by then depends on the workers: nothing is told of them.
        """
        order: deque[tuple[Case, frozenset[str], Job | None]] = deque()
        self._crew.start()
        while not self._given_up.is_over:
            while len(order) < AHEAD * self._jobs and (cases := source.take(1)):
                order.append(self._begun(cases[0], source.terms(cases[0])))
            if not order:
                return
            job = order[0][2]
            if job is not None and not (job.is_done or job.is_dropped):
                self._crew.step()
                continue
            judged = self._concluded(*order.popleft())
            self._drop_given_up(order)
            source.learn(judged)
            yield judged

    def _drop_given_up(self, order: Iterable[tuple[Case, frozenset[str], Job | None]]) -> None:
        """Wait no more for cases that were handed out before they were known to be of no use."""
        for _, classes, job in order if self._given_up.has_news() else ():
            if job is not None and not job.is_dropped and self._given_up.why(classes):
                self._crew.drop(job)

    def _begun(self, case: Case, terms: Terms) -> tuple[Case, frozenset[str], Job | None]:
        classes = classes_of(case)
        if self._given_up.why(classes):
            return case, classes, None
        return case, classes, self._crew.put(judge_on, case, None, terms)

    def _concluded(self, case: Case, classes: frozenset[str], job: Job | None) -> Judged:
        """What came of a case, if those before it let it be tried."""
        why = self._given_up.why(classes)
        if why or job is None:
            self._given_up.count(why)
            return untried(case, why)
        if job.death is None:
            self._given_up.survived(classes)
            return self._made.judged(job.value, case, classes)
        why = self._given_up.learn(job.death, classes)
        if why:
            self._given_up.count(why)
            return untried(case, why)
        return _of_death(case, job.death)

    def judge(
        self,
        case: Case,
        *,
        checks: Collection[str] | None = None,
        beside: Collection[Any] | None = None,
    ) -> Judged:
        """What comes of one case, in a worker that judges no others."""
        terms = Terms(None if beside is None else tuple(beside))
        job = self._aside.put(judge_on, case, None if checks is None else tuple(checks), terms)
        self._aside.wait(job)
        if job.death is not None:
            is_sure = job.death.is_sure
            return _of_death(case, job.death) if is_sure else untried(case, ASKED_ONCE)
        return self._made.judged(job.value, case, classes_of(case))

    def replay(self, case: Case) -> Replay:
        """Everything about one case; where it ends its process, that is all there is."""
        job = self._aside.put(replay_on, case)
        self._aside.wait(job)
        if job.death is None:
            replayed: Replay = job.value
            return replayed
        judged = _of_death(case, job.death)
        arrays = fill(case)
        return Replay(case, arrays, {}, autograd(case, arrays), {}, judged.outcomes, judged.rulings)

    def ask(self, function: Callable[..., T], *args: Any, otherwise: T) -> T:
        """What a function of the subject gives; `otherwise` where the subject ends the process."""
        try:
            answer: tuple[T] | None = self._aside.ask(ask_on, function, args)
        except LostError:
            return otherwise
        return answer[0] if answer else otherwise

    def do(
        self, function: Callable[..., T], *args: Any, on_news: Callable[[Any], None] | None = None
    ) -> T:
        """What a function of the subject gives; `LostError` where it ends the process."""
        done: T = self._aside.ask(do_on, function, args, on_news=on_news)
        return done

    def close(self) -> None:
        """End all workers."""
        self._crew.close()
        self._aside.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def judge_on(
    bench: Bench,
    case: Case,
    checks: Collection[str] | None = None,
    terms: Terms | None = None,
) -> tuple[Any, ...]:
    """What comes of one case, in a worker."""
    judged = judge(bench.subject, case, checks=checks, guard=bench.guard, terms=terms)
    return plain_judged(judged)


def replay_on(bench: Bench, case: Case) -> Replay:
    """Everything about one case, in a worker."""
    return replay(bench.subject, case, guard=bench.guard)


def ask_on(bench: Bench, function: Callable[..., T], args: tuple[Any, ...]) -> tuple[T] | None:
    """What a function of the subject gives, in a worker."""
    with bench.guard.around(bench.subject, None):
        return answered(bench.subject, function, args, is_alone=True)


def do_on(bench: Bench, function: Callable[..., T], args: tuple[Any, ...]) -> T:
    """What a function of the subject gives, in a worker; it tells how far it is."""
    with bench.guard.around(bench.subject, None):
        return function(bench.subject, bench.tell, *args)


def _of_death(case: Case, death: Death) -> Judged:
    first = f"{next(iter(case.operation.operands))}_bar"
    return told(case, death.kind, first if death.function == "vjp" else "y", death.message)
