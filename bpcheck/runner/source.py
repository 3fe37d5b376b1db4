"""Where the cases of a run come from: a list, or a plan that learns from what is refused.

Workers take cases ahead of what has been judged, so what a plan has learned when it makes a case
would depend on how many there are. It learns at fixed places instead: before each block of cases,
all that came of the blocks before the last one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Protocol

from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.planning.classes import classes_of
from bpcheck.planning.plan import Plan
from bpcheck.runner.one import Terms
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

#: A plan learns before each block of so many cases.
BLOCK = 50

#: Cases drawn for each case asked for, at most, while looking for ones that the subject takes.
MOST_DRAWN = 20


class Source(Protocol):
    """Cases to be judged, handed out in their order, and told what came of them."""

    def take(self, most: int) -> list[Case]:
        """The next cases, `most` at most; none if there are none, or none yet."""
        ...

    def terms(self, case: Case) -> Terms:
        """On what terms a case that was handed out is judged."""
        ...

    def learn(self, judged: Judged) -> None:
        """What came of the oldest case that was taken and not heard of."""
        ...

    def finish(self) -> None:
        """There will be no more to hear of."""
        ...


class Listed:
    """Cases that are known beforehand."""

    def __init__(self, cases: Iterable[Case]):
        self._cases = iter(cases)

    def take(self, most: int) -> list[Case]:
        return list(islice(self._cases, most))

    def terms(self, case: Case) -> Terms:
        return Terms()

    def learn(self, judged: Judged) -> None:
        """Nothing changes."""

    def finish(self) -> None:
        """Nothing is left."""


class Planned:
    """The cases of a plan, until so many of them are judged.

    Parameters
    ----------
    subject
        Whose claims tell which cases need not be run.
    plan
        The plan.
    total
        How many cases are to be judged.
    on_refusal
        Told each case that is not claimed, as it is drawn.
    """

    def __init__(
        self, subject: Subject, plan: Plan, total: int, *, on_refusal: Callable[[Judged], None]
    ):
        self._subject, self._plan, self._total = subject, plan, total
        self._on_refusal = on_refusal
        self._drawn = self._made = self._heard = self._judged = 0
        #: What came of cases and has not been learned, the oldest first.
        self._news: deque[Judged] = deque()
        self._learned = 0

    def take(self, most: int) -> list[Case]:
        taken: list[Case] = []
        while len(taken) < most and (case := self._next()) is not None:
            taken.append(case)
        return taken

    def terms(self, case: Case) -> Terms:
        return Terms(self._plan.beside(case.geometry), self._plan.is_brief(case))

    def learn(self, judged: Judged) -> None:
        self._heard += 1
        self._judged += not judged.unsupported
        self._news.append(judged)

    def _next(self) -> Case | None:
        """The next case that is claimed; ``None`` if enough are, or if there is more to hear of."""
        # Whoever is still at work may refuse, and another one is drawn then.
        in_flight = self._made - self._heard
        if self._judged + in_flight >= self._total or not self._is_up_to_date():
            return None
        while self._drawn < MOST_DRAWN * self._total:
            case = next(self._plan, None)
            if case is None:
                return None
            self._drawn += 1
            why = unclaimed(self._subject, case)
            if not why:
                self._made += 1
                return case
            self._plan.learn(case, taken=False)
            self._on_refusal(Judged(case, classes_of(case), (), (), 1.0, unsupported=why))
        return None

    def _is_up_to_date(self) -> bool:
        """Learn what is due before the next case; whether all of it has been heard of."""
        due = (self._made // BLOCK - 1) * BLOCK
        while self._learned < due:
            if not self._news:
                return False
            judged = self._news.popleft()
            self._plan.learn(judged.case, taken=not judged.unsupported)
            self._learned += 1
        return True

    def finish(self) -> None:
        """Learn all that was heard of and has not been learned yet."""
        while self._news:
            judged = self._news.popleft()
            self._plan.learn(judged.case, taken=not judged.unsupported)


class Announced:
    """A source whose cases are announced when they are handed out."""

    def __init__(self, source: Source, announce: Callable[[Case], None]):
        self._source, self._announce = source, announce

    def take(self, most: int) -> list[Case]:
        taken = self._source.take(most)
        for case in taken:
            self._announce(case)
        return taken

    def terms(self, case: Case) -> Terms:
        return self._source.terms(case)

    def learn(self, judged: Judged) -> None:
        self._source.learn(judged)

    def finish(self) -> None:
        self._source.finish()
