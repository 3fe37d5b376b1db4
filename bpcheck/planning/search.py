"""Cases of one class, for classes that a plan has not met: tried until one is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.operations.families import Family
from bpcheck.planning.classes import beside, beside_classes, geometry_classes
from bpcheck.planning.draws import integers_from
from bpcheck.planning.plan import Plan

#: How many geometries are drawn in search of edge classes that had no case.
DRAWN = 1_000


class Search:
    """Cases of classes that a plan has left without one.

    Parameters
    ----------
    plan
        The plan, with all that it has learned of what the subject takes.
    known
        Cases that the subject took, for dressing them anew.
    seed
        Of the run.
    """

    def __init__(self, plan: Plan, known: Sequence[Case], seed: int):
        self._plan, self._operation, self._known = plan, plan.operation, known
        self._rng = np.random.default_rng((seed, *b"search"))
        self._families = {str(family): family for family in plan.operation.families}
        self._extremes = {str(each.edge): each for each in plan.operation.extremes}
        self._edges = {str(each) for each in plan.operation.edge_classes}
        self._of_geometry = {*self._edges, *beside(plan.operation)}

    def cases(self, name: str) -> Iterator[Case]:
        """Cases of that class, those first that the subject is most likely to take.

        Where the geometries are few, there are none of a class of geometry that none is in.
        """
        if self._plan.limits.geometries is not None and name in self._of_geometry:
            return
        if name in self._families:
            yield from self._dressed(self._layers(self._families[name], frozenset()), name)
        elif name in self._operation.residues:
            yield from self._dressed(self._with_residue(name), name)
        elif name in self._extremes:
            integers, make = integers_from(self._rng), self._extremes[name].make
            yield from self._dressed((make(integers, 1) for _ in range(DRAWN)), name)
        elif name in self._edges:
            yield from self._dressed(self._drawn_in(name), name)
        else:
            # Small ones first: it is the dress that is wanted.
            small = sorted(
                self._known, key=lambda case: case.operation.multiplications(case.geometry)
            )
            yield from self._plan.wardrobe.in_class(small, name)

    def _layers(self, family: Family, wanted: frozenset[str]) -> Iterator[Any]:
        for turn in range(DRAWN):
            variants = self._operation.variants(family)
            variant = wanted or variants[turn % len(variants)]
            geometry = self._plan.shipped.layer_of(family, variant)
            if geometry is None and not wanted:
                # Not every family is small enough in every variant.
                geometry = self._plan.shipped.layer_of(family, frozenset())
            if geometry is None:
                return
            keys = frozenset(family.numbers)
            near = self._plan.near(geometry, keep=keys)
            if near is not None and near is not geometry:
                yield near
            # What is taken may lie outside of the family, as one group does of grouped layers.
            yield geometry

    def _with_residue(self, name: str) -> Iterator[Any]:
        taken = [each for each in self._families.values() if str(each) not in self._plan.refused]
        layers = [self._layers(family, frozenset((name,))) for family in taken]
        while layers:
            for each in list(layers):
                geometry = next(each, None)
                if geometry is None:
                    layers.remove(each)
                else:
                    yield geometry

    def _drawn_in(self, name: str) -> Iterator[Any]:
        for geometry, classes in self._drawn:
            if name not in classes:
                continue
            near = self._plan.near(geometry)
            if near is not None and near is not geometry and name in self._classes(near):
                yield near
            yield geometry

    @cached_property
    def _drawn(self) -> list[tuple[Any, frozenset[str]]]:
        """Drawn once for all classes: a class alone is rare among them."""
        integers = integers_from(self._rng)
        drawn = (self._operation.draw(integers) for _ in range(DRAWN))
        return [(geometry, geometry_classes(self._operation, geometry)) for geometry in drawn]

    def _classes(self, geometry: Any) -> frozenset[str]:
        every = (geometry_classes, beside_classes)
        return frozenset().union(*(classes(self._operation, geometry) for classes in every))

    def _dressed(self, geometries: Iterator[Any], name: str) -> Iterator[Case]:
        """In the plainest dress, which shows most and which nobody refuses."""
        for index, geometry in enumerate(islice(geometries, DRAWN)):
            if name in self._classes(geometry) and self._plan.allows(geometry):
                case = Case(self._operation, geometry, seed=index)
                yield self._plan.plain(case, index)
