"""Which cases the costlier checks fall to: all small ones, by turns, and some large ones."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from bpcheck.cases import Case
from bpcheck.cases.case import JACOBIAN
from bpcheck.cases.numbers import SEEDS_APART

#: Multiplications of the forward up to which every case is run more than once.
SMALL = 100_000

#: One in so many larger cases is run more than once too.
EVERY_LARGE = 8

#: Costlier checks take turns: each falls to one case in so many.
TURNS = 3

#: So many of the first cases of a plan have a turn; of later ones, of which there may be thousands,
#: one in `EVERY_LATER` has.
EARLY, EVERY_LATER = 450, 3


def is_small(case: Case) -> bool:
    """Whether further runs cost next to nothing."""
    terms = case.terms["y"]
    return terms * prod(case.shapes["y"]) <= SMALL


def affords_more(case: Case) -> bool:
    """Whether the case is run more often than once: all small ones, and some large ones.

    Where columns of the Jacobian are asked for, nothing else is: other cases do that.
    """
    if case.values == JACOBIAN:
        return False
    return is_small(case) or is_one_of(case, EVERY_LARGE)


def is_one_of(case: Case, every: int) -> bool:
    """Whether a case is one of so many, whatever dtype and values the plan gives each next one."""
    return _mixed(case) // TURNS % every == 0


def takes_turn(case: Case, turn: int) -> bool:
    """Whether the costlier checks of this turn fall to the case."""
    return affords_more(case) and turn_of(case) == turn and has_turn(case)


def is_early(case: Case) -> bool:
    """Whether the case is one of the first of its plan."""
    return case.seed % SEEDS_APART < EARLY


def has_turn(case: Case) -> bool:
    """Whether any of the turns falls to the case: it follows from its place in its plan."""
    return is_early(case) or _mixed(case) // TURNS**2 % EVERY_LATER == 0


def turn_of(case: Case) -> int:
    """0, 1 or 2: which one of the costlier checks falls to this case.

    It follows from the seed by a multiplicative hash: plans count seeds up, and give each next
    case another dtype and value kind by the remainder of that number.
    """
    return (case.seed * 2_654_435_761 % 2**32 >> 16) % TURNS


def turn_within(case: Case) -> int:
    """0, 1 or 2, whatever its turn: for what takes turns within a turn."""
    return _mixed(case) % TURNS


def _mixed(case: Case) -> int:
    """A number of 32 bits that follows from the seed."""
    # One product alone would give long runs of neighbours with the same turn the same number.
    mixed = case.seed * 2_654_435_761 % 2**32
    mixed = (mixed ^ mixed >> 15) * 2_246_822_519 % 2**32
    return mixed ^ mixed >> 13


def turn_among(case: Case, many: int) -> int:
    """0 to `many` - 1: which one of so many checks falls to the case, whatever else does."""
    return _mixed(case) // TURNS % many


def is_like(case: Case, seed: int, every: int) -> bool:
    """Whether a case is small and one of the so many that are asked what `seed` is asked.

    A search for the smallest case tries the first seeds: one of those is always among them.
    """
    if case.values == JACOBIAN or not is_small(case):
        return False
    return turn_among(case, every) == turn_among(replace(case, seed=seed), every)
