"""How suspicious a line is, by the cases in which it ran: Ochiai's coefficient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from typing import TypeVar

L = TypeVar("L", bound=Hashable)


def ranked(
    failing: Sequence[frozenset[L]], passing: Sequence[frozenset[L]]
) -> list[tuple[float, L]]:
    """Lines that ran in a failing case, the most suspicious first, each with its coefficient.

    Of A. Ochiai, and of R. Abreu, P. Zoeteweij and A. van Gemund, "On the accuracy of
    spectrum-based fault localization" (2007): ``ef / sqrt(F * (ef + ep))`` for a line that ran in
    `ef` of `F` failing cases and in `ep` passing ones.

    Examples
    --------
    >>> ranked([frozenset("ab"), frozenset("ab")], [frozenset("a"), frozenset("a")])
    [(1.0, 'b'), (0.7071067811865475, 'a')]
    """
    every = dict.fromkeys(line for lines in failing for line in lines)
    found = []
    for line in every:
        ef = sum(line in lines for lines in failing)
        ep = sum(line in lines for lines in passing)
        found.append((ef / sqrt(len(failing) * (ef + ep)), line))
    return sorted(found, key=lambda each: -each[0])
