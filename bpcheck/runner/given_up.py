"""Which cases are no longer tried, after a subject has ended its process in others like them."""

from __future__ import annotations

from collections import Counter, defaultdict

from bpcheck.finding import Kind
from bpcheck.runner.process.death import Death

#: So many ends of one cause, and cases like them are no longer tried.
ENOUGH = 3

#: So many ends in all, and no case is tried any more. One that hangs costs minutes.
MOST, MOST_HANGING = 60, 9

#: How a reason begins for which a case was not tried.
NOT_TRIED = "not tried "

#: Classes that tell cases apart, of those that they share; the rest is counted.
_TOLD = 3


class GivenUp:
    """Cases that are no longer tried.

    It is told of the ends in the order of the cases, so that what is tried does not depend on
    which worker was faster.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], list[frozenset[str]]] = defaultdict(list)
        self._shared: list[tuple[str, frozenset[str]]] = []
        self._ends: Counter[Kind] = Counter()
        self._untried: Counter[str] = Counter()
        #: Classes of cases that came out well: these alone are not to blame.
        self._harmless: Counter[str] = Counter()

    def learn(self, death: Death, classes: frozenset[str]) -> None:
        """One more case has ended its process."""
        self._ends[death.kind] += 1
        alike = self._open[death.cause]
        alike.append(classes)
        if len(alike) < ENOUGH:
            return
        shared = frozenset.intersection(*alike)
        self._open[death.cause] = []
        if shared:
            self._shared.append((self._why(death, shared), shared))

    def survived(self, classes: frozenset[str]) -> None:
        """A case came out, well or not."""
        self._harmless.update(classes)

    def why(self, classes: frozenset[str]) -> str:
        """Why a case of these classes is not tried; ``""`` if it is."""
        if self._ends.total() >= MOST or self._ends[Kind.TIMED_OUT] >= MOST_HANGING:
            return f"{NOT_TRIED}after {self._ends.total()} cases that ended their process"
        return next((why for why, shared in self._shared if shared <= classes), "")

    def count(self, why: str) -> None:
        """A case was not tried."""
        self._untried[why] += 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not tried, and why."""
        return tuple(
            f"{why}: {count:,} case{'' if count == 1 else 's'}"
            for why, count in self._untried.items()
        )

    def _why(self, death: Death, shared: frozenset[str]) -> str:
        # What few others have comes first: it is more likely the reason.
        ordered = sorted(shared, key=lambda name: (self._harmless[name], name))
        told = ", ".join(ordered[:_TOLD])
        more = f" and {len(ordered) - _TOLD} more" if len(ordered) > _TOLD else ""
        function = death.function or "the subject"
        return f"{NOT_TRIED}after {ENOUGH} cases in which {function} {death.short}: {told}{more}"
