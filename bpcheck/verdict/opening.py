"""How a run began: the very first call of a subject, and what came of its first cases."""

from __future__ import annotations

from dataclasses import dataclass, field

from bpcheck.cases import Case
from bpcheck.verdict.judged import Judged

#: Cases that are kept: enough to name a mistake by, few enough to be run anew.
KEPT = 8


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The first forward and vjp of all, made to see how fast a subject is.

    Parameters
    ----------
    case
        The case that they were called for.
    right
        The results that were right.
    """

    case: Case
    right: frozenset[str]


@dataclass(slots=True)
class Opening:
    """What a subject did before anything else could have been left in it.

    Attributes
    ----------
    first
        The first call, if it ended well.
    judged
        The first cases that it took, in their order.
    """

    first: FirstCall | None = None
    judged: list[Judged] = field(default_factory=list)

    def add(self, judged: Judged) -> None:
        """Keep one of the first cases."""
        if len(self.judged) < KEPT:
            self.judged.append(judged)
