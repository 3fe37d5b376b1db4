"""Where the code of a subject runs: in this process, or in workers that may end without harm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor
from typing import Any, Protocol, TypeVar

from bpcheck.calls import own_arithmetic
from bpcheck.cases import Case
from bpcheck.errors import BpcheckError
from bpcheck.runner.guard import guard_of_this_process
from bpcheck.runner.one import Replay, Terms, judge, replay
from bpcheck.runner.own import is_by_subject
from bpcheck.runner.source import Source
from bpcheck.runner.threads import one_thread
from bpcheck.runner.workers import judge_here, judge_with
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

T = TypeVar("T")


class Site(Protocol):
    """Where the code of a subject runs."""

    @property
    def subject(self) -> Subject:
        """The subject, or what stands for it here."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of how it went, beside what was found."""
        ...

    def judge_all(self, source: Source) -> Iterator[Judged]:
        """What comes of each case, in the order of the cases."""
        ...

    def judge(
        self,
        case: Case,
        *,
        checks: Collection[str] | None = None,
        beside: Collection[Any] | None = None,
    ) -> Judged:
        """What comes of one case; `beside` are the geometries that further runs may have."""
        ...

    def replay(self, case: Case) -> Replay:
        """Everything about one case."""
        ...

    def ask(self, function: Callable[..., T], *args: Any, otherwise: T) -> T:
        """What a function of the subject gives; `otherwise` where the subject raises or ends it."""
        ...

    def do(
        self, function: Callable[..., T], *args: Any, on_news: Callable[[Any], None] | None = None
    ) -> T:
        """What a function of the subject, of what is told `on_news`, and of `args` gives.

        Raises
        ------
        LostError
            If the subject ends the process.
        """
        ...


class Here:
    """The process at hand.

    Parameters
    ----------
    subject
        The subject.
    executor
        Where cases are judged instead; the subject must be picklable then.
    jobs
        How many workers that has, as far as it is known.
    notes
        What is to be told.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        executor: Executor | None = None,
        jobs: int = 1,
        notes: tuple[str, ...] = (),
    ):
        self.subject, self.notes = subject, notes
        self._executor, self._jobs = executor, jobs

    def judge_all(self, source: Source) -> Iterator[Judged]:
        if self._executor is None:
            return judge_here(self.subject, source)
        return judge_with(self._executor, self.subject, source, jobs=self._jobs)

    def judge(
        self,
        case: Case,
        *,
        checks: Collection[str] | None = None,
        beside: Collection[Any] | None = None,
    ) -> Judged:
        with one_thread():
            terms = Terms(None if beside is None else tuple(beside))
            return judge(self.subject, case, checks=checks, terms=terms)

    def replay(self, case: Case) -> Replay:
        return replay(self.subject, case)

    def ask(self, function: Callable[..., T], *args: Any, otherwise: T) -> T:
        # As the cases were judged, or real sums would round otherwise and a defect be gone.
        with one_thread(), guard_of_this_process().around(self.subject, None):
            answer = answered(self.subject, function, args)
        return answer[0] if answer else otherwise

    def do(
        self, function: Callable[..., T], *args: Any, on_news: Callable[[Any], None] | None = None
    ) -> T:
        with guard_of_this_process().around(self.subject, None):
            return function(self.subject, on_news or (lambda news: None), *args)


@own_arithmetic()
def answered(
    subject: Subject, function: Callable[..., T], args: tuple[Any, ...], *, is_alone: bool = False
) -> tuple[T] | None:
    """What a function of a subject gives; ``None`` if the subject's own results raise meanwhile."""
    try:
        return (function(subject, *args),)
    except BpcheckError:
        raise
    except BaseException as error:
        if not is_by_subject(error, subject.operation, is_alone=is_alone):
            raise
        return None
