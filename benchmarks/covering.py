"""Which pairs of edge classes the default plan meets, and which those of covering-array libraries.

``python -m benchmarks.covering [OPERATION]``; the libraries are asked if they are installed
(``pip install allpairspy covertable``). They choose among factors; that a geometry with the chosen
classes exists, they can only be told by a filter over the geometries that random draws have met.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations, islice, product
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from bpcheck.operations import Operation, operation_named
from bpcheck.planning.classes import ALL, WEIGHTS, array_layouts, classes_of, geometry_classes
from bpcheck.planning.covering import Covered
from bpcheck.planning.draws import integers_from
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES

DTYPES = ("float64", "float32", "float16")
DRAWS = 12_000

Row = Mapping[str, bool]
Classes = Collection[str]
#: How many rows there are, and the classes of those that a drawn geometry has.
Made = tuple[int, list[Classes]]


class Pool:
    """The sets of classes that drawn geometries have, and whether one of them fits a partial row.

    Bit ``i`` of a class's mask stands for the ``i``-th of those sets.
    """

    def __init__(self, operation_name: str):
        operation = operation_named(operation_name)
        integers = integers_from(np.random.default_rng(1))
        drawn = (operation.draw(integers) for _ in range(DRAWS))
        sets = list(dict.fromkeys(geometry_classes(operation, each) for each in drawn))
        self.names = [str(each) for each in operation.edge_classes]
        self._all = (1 << len(sets)) - 1
        self._masks = {
            name: sum(1 << index for index, found in enumerate(sets) if name in found)
            for name in self.names
        }
        self.pairs = {pair for found in sets for pair in combinations(sorted(found), 2)}

    def fits(self, row: Row) -> bool:
        """Whether a drawn geometry has the row's classes, and has not those that it excludes."""
        left = self._all
        for name, wanted in row.items():
            left &= self._masks[name] if wanted else ~self._masks[name]
        return bool(left)

    def real(self, rows: Iterable[Row]) -> list[Classes]:
        """The classes of those rows that a drawn geometry has, and no others."""
        return [{name for name in row if row[name]} for row in rows if self.fits(row)]

    def met(self, real: Iterable[Classes]) -> int:
        """How many of the pairs that draws meet are met here too."""
        found = {pair for classes in real for pair in combinations(sorted(classes), 2)}
        return len(self.pairs & found)


def by_allpairspy(pool: Pool) -> Made:
    """Its rows, with the filter that it asks about every beginning of a row."""
    all_pairs = import_module("allpairspy").AllPairs

    def possible(values: list[bool]) -> bool:
        return pool.fits(dict(zip(pool.names, values, strict=False)))

    levels = [[True, False]] * len(pool.names)
    made = all_pairs(levels, filter_func=possible)
    rows = [dict(zip(pool.names, values, strict=True)) for values in made]
    return len(rows), pool.real(rows)


def by_covertable(pool: Pool) -> Made:
    """Its rows, with each pair that no geometry has as a constraint of its own."""
    controller = import_module("covertable").Controller
    constraints: list[dict[str, Any]] = [
        {
            "operator": "or",
            "conditions": [
                {"operator": "ne", "left": name, "value": value} for name, value in pair.items()
            ],
        }
        for names in combinations(pool.names, 2)
        for values in product((True, False), repeat=2)
        if not pool.fits(pair := dict(zip(names, values, strict=True)))
    ]
    factors = {name: [True, False] for name in pool.names}
    rows = controller(factors, strength=2, constraints=constraints).make()
    return len(rows), pool.real(rows)


def print_dresses(operation_name: str) -> None:
    """Print how many cases it takes until every dtype, value kind and layout has met all others.

    Here a library can be handed each geometry that adds a pair as one level of one factor. The
    classes of one layout for all arrays are left out: they are no factor.
    """
    operation = operation_named(operation_name)
    own = {str(each) for each in operation.edge_classes}
    met: set[tuple[str, ...]] = set()
    last = 0
    cases = plan(operation_named(operation_name), profile=PROFILES["default"], dtypes=DTYPES)
    for number, case in enumerate(islice(cases, PROFILES["default"].cases), start=1):
        classes = sorted(name for name in classes_of(case) if not name.startswith(f"{ALL} "))
        found = {pair for pair in combinations(classes, 2) if set(pair) - own}
        last = last if found <= met else number
        met |= found
    print("\n| made by | cases until all pairs with a dtype, value kind or layout are met |")
    print(f"| --- | --- |\n| the default plan | {last:,} |")
    pairs, triples = (_factors(operation, strength=strength) for strength in (2, 3))
    if find_spec("allpairspy"):
        rows = len(list(import_module("allpairspy").AllPairs(pairs)))
        print(f"| allpairspy, each of {len(pairs[0])} geometries a level of a factor | {rows:,} |")
    least = prod(sorted(map(len, triples))[-3:])
    print(f"\nTriples: {len(triples[0])} geometries as levels need {least:,} rows at least.")


def _factors(operation: Operation, *, strength: int) -> list[Sequence[Any]]:
    """The drawn geometries that add a set of `strength` classes; dtypes, value kinds, layouts."""
    covered = Covered([str(each) for each in operation.edge_classes], strength=strength)
    integers = integers_from(np.random.default_rng(1))
    chosen = []
    for _ in range(DRAWS):
        geometry = operation.draw(integers)
        classes = geometry_classes(operation, geometry)
        if covered.gain(classes):
            covered.add(classes)
            chosen.append(geometry)
    kinds = [kind for kind in operation.value_kinds if kind in WEIGHTS]
    return [chosen, DTYPES, kinds, *array_layouts(operation).values()]


def main(operation_name: str = "conv2d") -> None:
    """Print a row for each way."""
    pool = Pool(operation_name)
    operation, profile = operation_named(operation_name), PROFILES["default"]

    def by_the_plan(_: Pool) -> Made:
        cases = islice(
            plan(operation_named(operation_name), profile=profile, dtypes=DTYPES), profile.cases
        )
        found: list[Classes] = [geometry_classes(operation, case.geometry) for case in cases]
        return len(found), found

    ways: dict[str, Callable[[Pool], Made]] = {"the default plan": by_the_plan}
    ways |= {
        name: way
        for name, way in (("allpairspy", by_allpairspy), ("covertable", by_covertable))
        if find_spec(name)
    }
    print(f"{operation_name}: {len(pool.pairs):,} pairs of geometry classes are met by draws\n")
    print("| made by | rows | rows that a drawn geometry has | pairs met | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for name, way in ways.items():
        start = perf_counter()
        number, real = way(pool)
        seconds = perf_counter() - start
        print(f"| {name} | {number:,} | {len(real):,} | {pool.met(real):,} | {seconds:.1f} |")
    print_dresses(operation_name)


if __name__ == "__main__":
    main(*sys.argv[1:])
