"""Which cases are no longer tried, after a subject has ended its process in others like them."""

from __future__ import annotations

from collections import Counter, defaultdict

from bpcheck.finding import Kind
from bpcheck.runner.process.death import Death

#: So many ends of one cause, and cases like them are no longer tried.
ENOUGH = 3

#: So many ends in all, and no case is tried any more. Those that hang cost the most.
MOST, MOST_HANGING = 60, 15

#: Where no case ever came back one hang is told. So many more are asked once, together and not for
#: long, of which nothing is told: if none of them comes back either, no case is tried any more.
ASKED = 3

#: How a reason begins for which a case was not tried.
NOT_TRIED = "not tried "

#: Why nothing is told of a case that was asked once.
ASKED_ONCE = f"{NOT_TRIED}a second time, as no case had come back yet"

#: Classes that tell cases apart, of those that they share; the rest is counted.
_TOLD = 3


class GivenUp:
    """Cases that are no longer tried.

    It is told of the ends in the order of the cases, so that what is tried does not depend on
    which worker was faster.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], list[frozenset[str]]] = defaultdict(list)
        #: Those that hang again, after some were given up, tell by what all of them have.
        self._every: dict[tuple[str, str, str], list[frozenset[str]]] = defaultdict(list)
        self._shared: list[tuple[str, frozenset[str]]] = []
        self._ends: Counter[Kind] = Counter()
        self._untried: Counter[str] = Counter()
        #: Cases that were asked once, since no case had come back before.
        self._asked = 0
        #: Classes of cases that came out well: these alone are not to blame.
        self._harmless: Counter[str] = Counter()
        self._has_news = False

    def learn(self, death: Death, classes: frozenset[str]) -> str:
        """One more case has ended its process; why nothing is told of it, or ``""``."""
        if not death.is_sure or (self._ends[death.kind] and self._never_comes_back(death)):
            self._asked += 1
            return ASKED_ONCE
        self._ends[death.kind] += 1
        self._give_up(death, classes)
        return ""

    def _never_comes_back(self, death: Death) -> bool:
        return death.kind is Kind.TIMED_OUT and not self._harmless

    def _give_up(self, death: Death, classes: frozenset[str]) -> None:
        alike, every = self._open[death.cause], self._every[death.cause]
        alike.append(classes)
        every.append(classes)
        self._has_news = self._has_news or self.is_over
        if len(alike) < ENOUGH:
            return
        shared = frozenset.intersection(*every)
        if not shared or len(every) == ENOUGH or death.kind is not Kind.TIMED_OUT:
            shared = self._to_blame(death, frozenset.intersection(*alike))
        self._open[death.cause] = []
        if shared:
            self._has_news = True
            self._shared.append((self._why(death, shared), shared))

    def _to_blame(self, death: Death, shared: frozenset[str]) -> frozenset[str]:
        """What cases must have, of what those had, not to be tried.

        Waiting for a hang is dear: what cases had that came out well is left out there.
        """
        if death.kind is not Kind.TIMED_OUT:
            return shared
        return frozenset(each for each in shared if not self._harmless[each]) or shared

    @property
    def is_over(self) -> bool:
        """Whether no case is tried any more."""
        if self._ends.total() >= MOST or self._ends[Kind.TIMED_OUT] >= MOST_HANGING:
            return True
        return self._asked >= ASKED and not self._harmless

    def has_news(self) -> bool:
        """Whether less is tried than when this was asked last."""
        news, self._has_news = self._has_news, False
        return news

    def survived(self, classes: frozenset[str]) -> None:
        """A case came out, well or not."""
        self._harmless.update(classes)

    def why(self, classes: frozenset[str]) -> str:
        """Why a case of these classes is not tried; ``""`` if it is."""
        return next((why for why, shared in self._shared if shared <= classes), "")

    def count(self, why: str) -> None:
        """A case was not tried."""
        self._untried[why] += 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not tried, and why."""
        found = [
            f"{why}: {count:,} case{'' if count == 1 else 's'}"
            for why, count in self._untried.items()
        ]
        if self.is_over and self._asked >= ASKED and not self._harmless:
            found.append("no case came back: no more were tried")
        elif self.is_over:
            found.append(f"{self._ends.total()} cases ended their process: no more were tried")
        return tuple(found)

    def _why(self, death: Death, shared: frozenset[str]) -> str:
        # What few others have comes first: it is more likely the reason.
        ordered = sorted(shared, key=lambda name: (self._harmless[name], name))
        told = ", ".join(ordered[:_TOLD])
        more = f" and {len(ordered) - _TOLD} more" if len(ordered) > _TOLD else ""
        function = death.function or "the subject"
        return f"{NOT_TRIED}after {ENOUGH} cases in which {function} {death.short}: {told}{more}"
