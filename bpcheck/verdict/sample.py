"""A sample: few of many cases, kept in memory that does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass, field

from bpcheck.cases import Case

#: The smallest cases that are kept, and the largest of those that are cheap enough to run again.
SMALLEST, LARGEST = 10, 8

#: Multiplications of a case up to which it counts as cheap.
CHEAP = 20_000

#: A rank, the number of the case among those of the sample, and the case.
Ranked = tuple[tuple[int, ...], int, Case]


@dataclass(slots=True)
class Sample:
    """The smallest cases, in whose numbers a mistake can be followed, and a few that are larger.

    Small cases show what a mistake does; many mistakes do the same to a single cell, and only
    larger cases tell these apart.
    """

    seen: int = 0
    small: list[Ranked] = field(default_factory=list)
    large: list[Ranked] = field(default_factory=list)

    def add(self, case: Case, rank: tuple[int, ...], size: int) -> None:
        """Look at one more case: `rank` says how plain it is, `size` what it costs."""
        self.seen += 1
        self.small = _with(self.small, (rank, self.seen, case), SMALLEST)
        if size <= CHEAP:
            # Of what is equally plain the largest first.
            self.large = _with(self.large, ((*rank[:-1], -size), self.seen, case), LARGEST)

    @property
    def cases(self) -> list[Case]:
        """The cases that are kept, the smallest first."""
        return list(dict.fromkeys(case for _, _, case in (*self.small, *self.large)))


def _with(kept: list[Ranked], ranked: Ranked, most: int) -> list[Ranked]:
    """The first `most` of these cases and one more."""
    # Nearly all that come late rank after those that are kept.
    if len(kept) == most and ranked[0] >= kept[-1][0]:
        return kept
    return sorted([*kept, ranked], key=_order)[:most]


def _order(ranked: Ranked) -> tuple[tuple[int, ...], int]:
    # Cases have no order among themselves: of equal rank the one that came first does.
    return ranked[0], ranked[1]
