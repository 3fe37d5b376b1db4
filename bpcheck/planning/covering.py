"""Covering every pair (or triple) of edge classes, since real bugs live in pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations import Operation
from bpcheck.operations.promises import Integers
from bpcheck.planning.classes import geometry_classes
from bpcheck.planning.draws import integers_from

#: Of so many draws in a row that add nothing the last is taken all the same: whoever waits for
#: cases is not held up by the search for the rare ones.
PATIENCE = 20


def covering(
    operation: Operation, *, strength: int, rng: np.random.Generator, draws: int
) -> Iterator[Any]:
    """Of `draws` geometries, and twins of them, those that add a set of `strength` classes.

    What random drawing meets at all is met here, each combination at its first appearance; rare
    classes are rare among the draws too, so `draws` bounds what can be promised. Between the rare
    ones come some that add nothing, one in `PATIENCE` of those drawn; a plan much shorter than
    the draws does not come to their end.
    """
    covered = Covered([str(each) for each in operation.edge_classes], strength=strength)
    integers, barren = integers_from(rng), 0
    for geometry in _drawn(operation, integers, draws):
        if covered.is_complete:
            return
        classes = geometry_classes(operation, geometry)
        barren = 0 if covered.gain(classes) else barren + 1
        if barren in (0, PATIENCE):
            covered.add(classes)
            barren = 0
            yield geometry


def _drawn(operation: Operation, integers: Integers, draws: int) -> Iterator[Any]:
    for _ in range(draws):
        geometry = operation.draw(integers)
        yield geometry
        twin = operation.twin(geometry, integers)
        if twin is not None:
            yield twin


def mesh(*numbers: Sequence[int]) -> tuple[Array, ...]:
    """What indexes every combination: `numpy.ix_` of integers, without its looks at types."""
    axes = len(numbers)
    return tuple(
        np.array(each, np.intp).reshape((1,) * axis + (-1,) + (1,) * (axes - 1 - axis))
        for axis, each in enumerate(numbers)
    )


class Covered:
    """Which sets of `strength` classes the cases of a plan have met.

    Examples
    --------
    >>> covered = Covered(("stride 1", "stride > 1", "x fortran"), strength=2)
    >>> covered.add({"stride 1", "x fortran"})
    >>> covered.gain({"stride 1", "x fortran"}), covered.gain({"stride > 1", "x fortran"})
    (0, 3)
    >>> covered.gains({"x fortran"}, ["stride 1", "stride > 1"]).tolist()
    [0, 1]
    >>> covered.between(["stride 1", "stride > 1"], ["x fortran"])
    1

    Parameters
    ----------
    names
        The classes.
    strength
        How many of them a set has.
    alternatives
        Groups of classes of which a case has one: no set with two of them can be met.
    """

    def __init__(
        self, names: Sequence[str], *, strength: int, alternatives: Iterable[Sequence[str]] = ()
    ):
        #: How many classes a set has.
        self.strength = strength
        self._number = {name: number for number, name in enumerate(names)}
        # Every order and repetition of a set has a cell, so that one look-up counts them all.
        self._unmet = np.ones((len(names),) * strength, dtype=bool)
        for group in alternatives:
            for pair in permutations(self._numbers(group), 2):
                self._rule_out(pair)

    @property
    def is_complete(self) -> bool:
        """Whether every set that can be met is met."""
        return not self._unmet.any()

    def gain(self, classes: Collection[str]) -> int:
        """How much a case of these classes would add: for comparing with other cases."""
        return int(np.count_nonzero(self._unmet[self._where(classes)]))

    def gains(self, classes: Collection[str], more: Sequence[str]) -> Array:
        """How much each of `more` would add by itself to a case of these classes."""
        others = self._numbers(classes)
        found = self._unmet[mesh(self._numbers(more), *(others,) * (self.strength - 1))]
        return found.reshape(len(more), -1).sum(axis=1)

    def numbers(self, names: Sequence[str]) -> Array:
        """Where these classes stand in what `sums` gives."""
        return np.array(self._numbers(names), np.intp)

    def sums(self, classes: Collection[str]) -> Array | None:
        """How much each class there is would add with one of these; ``None`` for larger sets."""
        if self.strength == 1:
            return self._unmet.astype(np.intp)
        if self.strength == 2:
            found: Array = self._unmet[self._numbers(classes)].sum(axis=0)
            return found
        return None

    def between(self, some: Sequence[str], others: Sequence[str]) -> int:
        """How much cases of `some` can still add with `others`: sets that have one of each."""
        both = (*some, *others)
        where = (some, others, *(both,) * (self.strength - 2))
        if len(where) > self.strength:
            return 0
        return int(np.count_nonzero(self._unmet[mesh(*map(self._numbers, where))]))

    def add(self, classes: Collection[str]) -> None:
        """Count a case of these classes."""
        self._unmet[self._where(classes)] = False

    def _rule_out(self, pair: tuple[int, ...]) -> None:
        for axes in combinations(range(self.strength), 2):
            where: list[int | slice] = [slice(None)] * self.strength
            for axis, number in zip(axes, pair, strict=True):
                where[axis] = number
            self._unmet[tuple(where)] = False

    def _where(self, classes: Collection[str]) -> tuple[Array, ...]:
        return mesh(*(self._numbers(classes),) * self.strength)

    def _numbers(self, classes: Collection[str]) -> list[int]:
        return [self._number[name] for name in classes]


class Adding:
    """What classes would add to a case, which gets one of them after the other.

    Counted anew for each of them it would be the same, and take most of the time that a plan takes.

    Examples
    --------
    >>> covered = Covered(("stride 1", "stride > 1", "x fortran", "w fortran"), strength=2)
    >>> covered.add({"stride 1", "x fortran"})
    >>> adding = Adding(covered, {"stride 1"})
    >>> adding.gains(["x fortran", "w fortran"]).tolist()
    [0, 1]
    >>> adding.wear({"w fortran"})
    >>> adding.gains(["x fortran"]).tolist()
    [1]

    Parameters
    ----------
    covered
        What has been met so far; it does not change meanwhile.
    classes
        Those that the case has.
    """

    def __init__(self, covered: Covered, classes: Collection[str]):
        self._covered, self._classes = covered, set(classes)
        self._sums = covered.sums(classes)

    def wear(self, classes: Collection[str]) -> None:
        """The case has these too."""
        self._sums = self._with(classes)
        self._classes.update(classes)

    def gains(
        self, more: Sequence[str], beside: Collection[str] = (), *, numbers: Array | None = None
    ) -> Array:
        """How much each of `more` would add by itself, if the case had those `beside` as well.

        `numbers` are those of `more`, for who knows them.
        """
        sums = self._with(beside) if beside else self._sums
        if sums is None:
            return self._covered.gains(self._classes.union(beside), more)
        found: Array = sums[self._covered.numbers(more) if numbers is None else numbers]
        return found

    def _with(self, classes: Collection[str]) -> Array | None:
        more = self._covered.sums(set(classes) - self._classes) if len(classes) else None
        is_paired = self._sums is not None and self._covered.strength == 2
        return self._sums + more if is_paired and more is not None else self._sums
