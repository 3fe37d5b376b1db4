"""Geometries that cover every pair (or triple) of edge classes, since real bugs live in pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from bpcheck.operations import Operation


def classes_of(operation: Operation, geometry: Any) -> frozenset[str]:
    """Names of the edge classes that a geometry belongs to."""
    return frozenset(str(each) for each in operation.edge_classes if each.holds(geometry))


def covering(
    operation: Operation, *, strength: int, rng: np.random.Generator, draws: int
) -> Iterator[Any]:
    """Of `draws` random geometries those that add a set of `strength` classes not seen so far.

    What random drawing meets at all is met here, each combination at its first appearance; rare
    classes are rare among the draws too, so `draws` bounds what can be promised.
    """
    seen: set[tuple[str, ...]] = set()
    integers = integers_from(rng)
    for _ in range(draws):
        geometry = operation.draw(integers)
        found = set(combinations(sorted(classes_of(operation, geometry)), strength))
        if not found <= seen:
            seen |= found
            yield geometry


def integers_from(rng: np.random.Generator) -> Callable[[int, int], int]:
    """Uniform integers between two bounds, both included, as `Operation.draw` wants them."""

    def integers(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    return integers
