"""Covering every pair (or triple) of edge classes, since real bugs live in pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from bpcheck.cases.classes import geometry_classes
from bpcheck.cases.draws import integers_from
from bpcheck.operations import Operation
from bpcheck.operations.promises import Integers


def covering(
    operation: Operation, *, strength: int, rng: np.random.Generator, draws: int
) -> Iterator[Any]:
    """Of `draws` geometries, and twins of them, those that add a set of `strength` classes.

    What random drawing meets at all is met here, each combination at its first appearance; rare
    classes are rare among the draws too, so `draws` bounds what can be promised.
    """
    seen: set[tuple[str, ...]] = set()
    integers = integers_from(rng)
    for geometry in _with_twins(operation, integers, draws):
        found = set(combinations(sorted(geometry_classes(operation, geometry)), strength))
        if not found <= seen:
            seen |= found
            yield geometry


def _with_twins(operation: Operation, integers: Integers, draws: int) -> Iterator[Any]:
    for _ in range(draws):
        geometry = operation.draw(integers)
        yield geometry
        twin = operation.twin(geometry, integers)
        if twin is not None:
            yield twin


class Covered:
    """Which sets of `strength` classes the cases of a plan have met.

    Examples
    --------
    >>> covered = Covered(("stride 1", "stride > 1", "x fortran"), strength=2)
    >>> covered.add({"stride 1", "x fortran"})
    >>> covered.gain({"stride 1", "x fortran"}), covered.gain({"stride > 1", "x fortran"})
    (0, 3)
    """

    def __init__(self, names: Sequence[str], *, strength: int):
        self._strength = strength
        self._number = {name: number for number, name in enumerate(names)}
        # Every order and repetition of a set has a cell, so that one look-up counts them all.
        self._met = np.zeros((len(names),) * strength, dtype=bool)

    def gain(self, classes: Collection[str]) -> int:
        """How much a case of these classes would add: for comparing with other cases."""
        return int(np.count_nonzero(~self._met[self._where(classes)]))

    def add(self, classes: Collection[str]) -> None:
        """Count a case of these classes."""
        self._met[self._where(classes)] = True

    def _where(self, classes: Collection[str]) -> tuple[np.ndarray, ...]:
        numbers = sorted(self._number[name] for name in classes if name in self._number)
        return np.ix_(*(numbers,) * self._strength)
