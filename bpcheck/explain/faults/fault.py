"""A fault: one mistake that people make in a backward pass, as a value that can be run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpcheck.cases import Case
from bpcheck.subject import Subject

CONV = ("conv1d", "conv2d", "conv3d")
MAX_POOL = ("max_pool1d", "max_pool2d", "max_pool3d")
AVG_POOL = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
POOLS = (*MAX_POOL, *AVG_POOL)
EVERY = (*CONV, *POOLS)
LINEAR = (*CONV, *AVG_POOL)

#: The checks that compare values, each in the cases that it can judge.
VALUES = ("autograd", "finite differences", "rounding")

#: Those that compare with torch: all that a forward and a backward which fit each other can fail.
AGAINST_TORCH = ("autograd", "rounding")


def of_rank_2_up(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `operations` that have a height and a width.

    >>> of_rank_2_up(CONV)
    ('conv2d', 'conv3d')
    """
    return tuple(name for name in operations if not name.endswith("1d"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: a small transformation that turns a right kernel into a wrong one.

    Parameters
    ----------
    name
        In kebab-case, unique in the catalogue.
    what
        The mistake in a sentence, as a diagnosis reads it.
    operations
        Names of the operations that it can be planted in.
    results
        The results that it spoils: ``("w_bar",)``.
    condition
        Under which it shows, in words.
    shows
        Whether it shows in a case. Necessary: where it is false, the planted kernel gives the
        right numbers. Nearly sufficient: where it is true, only an accident of the values hides
        the fault.
    plant
        From a right kernel to a wrong one. What it plants may keep state; plant anew for a new run.
    caught_by
        Names of the checks that must find it, each in the cases that it can judge.
    source
        A page that shows it: the report of a library that shipped this mistake or a sibling of it
        (in another operand or operation), somebody who fell for it, or the rule that it breaks.
    rounds
        The narrower format that it adds up in, so that its numbers depend on the order of sums.
    """

    name: str
    what: str
    operations: tuple[str, ...]
    results: tuple[str, ...]
    condition: str
    shows: Callable[[Case], bool]
    plant: Callable[[Subject], Subject]
    source: str
    caught_by: tuple[str, ...] = VALUES
    rounds: str = ""

    @property
    def is_consistent(self) -> bool:
        """Whether forward and backward fit each other, and are those of something else."""
        return "y" in self.results and self.caught_by == AGAINST_TORCH
