"""How long the first call of a shape may take: it may compile, until a subject is known to hang."""

from __future__ import annotations

from collections import Counter

from bpcheck.finding import Kind
from bpcheck.runner.given_up import ENOUGH
from bpcheck.runner.guard import FIRST
from bpcheck.runner.process.death import Death

#: How many times the usual it may take when it is tried once more, alone: ten times that were not
#: enough among others, and whoever hangs is to be waited for once.
AGAIN = 3.0

#: Once a subject has hung, it may take so many times what the longest took that came back, and so
#: many times the usual if none ever did: nothing more is told of what takes longer.
_MARGIN, _UNKNOWN = 3.0, 2.0

#: When so many shapes have come back, those of further runs of a case included, it is known whether
#: a subject compiles: a first call may take so many times the longest then, and the usual at least.
_SHAPES, _AMPLE = 48, 30.0


class Patience:
    """What the workers of one subject have learned about its calls.

    Examples
    --------
    >>> patience = Patience()
    >>> patience.first
    10.0
    >>> patience.came_back(0.5, shapes=100)
    >>> patience.first
    10.0
    >>> quick = Patience()
    >>> quick.came_back(0.001, shapes=100)
    >>> quick.first, quick.again
    (1.0, 3.0)
    >>> death = Death(Kind.TIMED_OUT, "hangs", "forward")
    >>> patience.hung(death)
    >>> patience.first, patience.is_to_be_confirmed(death)
    (1.5, True)
    >>> never = Patience()
    >>> never.hung(death)
    >>> never.first, never.is_to_be_confirmed(death), never.is_worth_telling(death)
    (2.0, False, False)
    """

    def __init__(self) -> None:
        self._longest, self._shapes = 0.0, 0
        self._hung: Counter[tuple[str, str, str]] = Counter()

    def came_back(self, longest: float, *, shapes: int = 0) -> None:
        """First calls of so many shapes came back after so many times the usual at most."""
        self._longest = max(self._longest, longest)
        self._shapes = max(self._shapes, shapes)

    def hung(self, death: Death) -> None:
        """One more case has hung, and did so again when it was tried alone."""
        self._hung[death.cause] += 1

    @property
    def first(self) -> float:
        """How many times the usual the first call of a shape may take."""
        if self._hung:
            return self._expected if self._longest else _UNKNOWN
        if self._shapes < _SHAPES:
            return float(FIRST)
        # Who took a second at most for each of them compiles nothing.
        return min(float(FIRST), max(1.0, _AMPLE * self._longest))

    @property
    def again(self) -> float:
        """The same where it is tried once more, alone."""
        return min(self.first, AGAIN) if self._hung else AGAIN

    @property
    def asked(self) -> float:
        """The same where it answers a question, of which nothing is told if it does not."""
        return self._expected

    @property
    def _expected(self) -> float:
        return min(float(FIRST), max(1.0, _MARGIN * self._longest))

    def is_to_be_confirmed(self, death: Death) -> bool:
        """Whether an end may not be the subject's doing; a hang that is known by now is."""
        if death.kind is not Kind.TIMED_OUT or not self.is_worth_telling(death):
            return False
        return self._hung[death.cause] < ENOUGH

    def is_worth_telling(self, death: Death) -> bool:
        """Whether an end says more than is known: one hang does, where no call ever came back."""
        return death.kind is not Kind.TIMED_OUT or not self.is_waiting_for_any

    @property
    def is_waiting_for_any(self) -> bool:
        """Whether a hang is known, and no call that ever came back."""
        return bool(self._hung) and not self._longest
