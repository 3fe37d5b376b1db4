"""Dresses: dtype, values and layouts for a geometry, chosen for the edge classes they add."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush, heapreplace
from itertools import accumulate
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases.case import Case
from bpcheck.cases.layouts import C_ORDER, join_layouts
from bpcheck.operations import Operation
from bpcheck.operations.promises import Shape
from bpcheck.planning.beside import Beside
from bpcheck.planning.classes import (
    ALL,
    WEIGHTS,
    array_layouts,
    array_shapes,
    beside,
    beside_classes,
    can_wear,
    dress_classes,
    edge_class,
    edge_classes,
    geometry_classes,
    shared_layouts,
    wearable,
    wearers,
)
from bpcheck.planning.covering import Adding, Covered


class Wardrobe:
    """What the cases of one plan wear, and which sets of edge classes they have met in it.

    Parameters
    ----------
    operation
        The operation.
    dtypes
        NumPy names of the dtypes to choose from.
    strength
        How many edge classes a set has.
    """

    def __init__(self, operation: Operation, dtypes: Sequence[str], *, strength: int):
        self._operation = operation
        self._dtypes = dtypes
        self._kinds = _kinds(operation)
        self._levels: Mapping[str, Sequence[str]] = {
            "dtype": tuple(dtypes),
            "values": tuple(dict.fromkeys(self._kinds)),
            **array_layouts(operation),
            ALL: shared_layouts(operation),
        }
        self._level_names = {
            factor: [edge_class(factor, level) for level in levels]
            for factor, levels in self._levels.items()
        }
        self._covered = Covered(
            edge_classes(operation, dtypes),
            strength=strength,
            alternatives=[*self._level_names.values(), *self._at_odds()],
        )
        dresses = [name for names in self._level_names.values() for name in names]
        self._beside = Beside(beside(operation), dresses)
        #: By factor: where its levels stand among all classes, and among the dresses.
        self._places = {
            factor: (self._covered.numbers(names), slice(place, place + len(names)))
            for (factor, names), place in zip(
                self._level_names.items(),
                accumulate((len(each) for each in self._level_names.values()), initial=0),
                strict=False,
            )
        }
        #: Names of levels that the subject turned out not to take.
        self.refused: set[str] = set()
        #: Geometries by what they would still add in other dresses, as last looked at.
        self._wanting: list[tuple[int, int, Any]] = []

    def dressed(self, case: Case, turn: int, dtype: str | None = None) -> Case:
        """The case with the dtype, values and layouts that add most sets of edge classes.

        They are chosen one after the other, in random order, each for the most new sets with the
        geometry and what was chosen before, as in "The AETG system: an approach to testing based
        on combinatorial design" (Cohen, Dalal, Fredman and Patton 1997). What adds nothing keeps
        what it has at this `turn`, or by chance. A `dtype`, if given, stays.
        """
        rng = np.random.default_rng(case.seed)
        dress = self._turn(case, turn, rng)
        if dtype is not None:
            dress["dtype"] = dtype
        own = geometry_classes(self._operation, case.geometry)
        others = beside_classes(self._operation, case.geometry)
        adding, paired, free = Adding(self._covered, own), self._beside.gains(others), list(dress)
        shapes = array_shapes(self._operation, case.geometry)
        # One layout for all goes with the rest of the turn, too.
        gains = self._gains(ALL, adding, paired, self._worn(shapes, dress))
        if max(gains, default=0) > 0 and rng.integers(2):
            layout = self._levels[ALL][gains.index(max(gains))]
            alike = self._alike(dress, layout)
            dress |= alike
            adding.wear({edge_class(ALL, layout), *self._worn(shapes, alike)})
            free = [factor for factor in dress if factor not in alike]
        if dtype is not None:
            free.remove("dtype")
            adding.wear({edge_class("dtype", dtype)})
        for factor in (free[place] for place in rng.permutation(len(free))):
            levels = self._levels[factor]
            # What repeats nothing in arrays of these shapes adds nothing.
            fits = self._can_wear(shapes, factor)
            gains = [
                gain if fit else min(gain, 0)
                for gain, fit in zip(self._gains(factor, adding, paired), fits, strict=True)
            ]
            if max(gains) > gains[levels.index(dress[factor])]:
                dress[factor] = levels[gains.index(max(gains))]
            adding.wear(self._worn(shapes, {factor: dress[factor]}))
        dressed = _put_on(case, dress)
        if self._count(dressed, own, others):
            wants = self._wants(case.geometry)
            if wants:
                heappush(self._wanting, (-wants, turn, case.geometry))
        return dressed

    def plain(self, case: Case, dtype: str, layout: str = C_ORDER) -> Case:
        """The case in this dtype, on exact values, and all arrays that can be so in this layout."""
        kinds = self._levels["values"]
        values = "exact" if "exact" in kinds else kinds[0]
        plain = replace(case, dtype=dtype, values=values)
        if layout in self._levels[ALL] and edge_class(ALL, layout) not in self.refused:
            arrays = (*case.operand_shapes, "y_bar")
            wearing = wearers(self._operation, arrays, layout)
            plain = replace(plain, layout=join_layouts(dict.fromkeys(wearing, layout)))
        own = geometry_classes(self._operation, case.geometry)
        self._count(plain, own, beside_classes(self._operation, case.geometry))
        return plain

    def wants_beside(self, name: str) -> int:
        """How many dresses a family, a residue or an extreme has not been met in."""
        return self._beside.wants(name)

    def _gains(
        self, factor: str, adding: Adding, paired: Array, worn: Collection[str] = ()
    ) -> list[int]:
        """How many sets each level of a factor would add; -1 for those that are refused.

        Those that it would add with families, residues and extremes are `paired`.
        """
        names, (numbers, place) = self._level_names[factor], self._places[factor]
        gains: list[int] = (adding.gains(names, worn, numbers=numbers) + paired[place]).tolist()
        if not self.refused:
            return gains
        return [
            -1 if name in self.refused else gain for name, gain in zip(names, gains, strict=True)
        ]

    def _count(self, case: Case, own: Collection[str], others: Collection[str]) -> bool:
        """Count a case; whether it adds a set of edge classes."""
        worn = dress_classes(case)
        self._beside.add({*others, *worn})
        classes = {*own, *worn}
        adds = self._covered.gain(classes) > 0
        if adds:
            self._covered.add(classes)
        return adds

    def most_wanting(self) -> Any | None:
        """The geometry so far that would add most in other dresses; ``None`` if none adds any.

        Rare classes, a class of one landmark above all, would not meet every dress by chance.
        """
        while self._wanting:
            believed, turn, geometry = self._wanting[0]
            wants = self._wants(geometry)
            if -wants == believed < 0:
                return geometry
            # What a geometry would add only ever shrinks: who is still first has the most.
            if wants:
                heapreplace(self._wanting, (-wants, turn, geometry))
            else:
                heappop(self._wanting)
        return None

    def _wants(self, geometry: Any) -> int:
        """How many sets of this geometry's classes with those of dresses are not met."""
        shapes = array_shapes(self._operation, geometry)
        levels = [
            name
            for factor in ("dtype", "values", *shapes, ALL)
            for name, fits in zip(
                self._level_names[factor], self._can_wear(shapes, factor), strict=True
            )
            if fits
        ]
        return self._covered.between(list(geometry_classes(self._operation, geometry)), levels)

    def _can_wear(self, shapes: Mapping[str, Shape], factor: str) -> tuple[bool, ...]:
        """Which levels of a factor are of their own for arrays of these shapes."""
        shape, levels = shapes.get(factor), self._levels[factor]
        return (True,) * len(levels) if shape is None else wearable(shape, tuple(levels))

    @staticmethod
    def _worn(shapes: Mapping[str, Shape], dress: Mapping[str, str]) -> set[str]:
        """The classes that the single parts of a dress are."""
        return {
            edge_class(factor, level)
            for factor, level in dress.items()
            if factor not in shapes or can_wear(shapes[factor], level)
        }

    def in_class(self, known: Sequence[Case], name: str) -> Iterator[Case]:
        """Those of the `known` cases that can be in this edge class of dresses, dressed so."""
        (factor, level), *_ = (
            (factor, level)
            for factor, levels in self._levels.items()
            for level in levels
            if edge_class(factor, level) == name
        )
        for turn, case in enumerate(known):
            shapes = array_shapes(self._operation, case.geometry)
            dress = self._turn(case, turn, np.random.default_rng(case.seed))
            if factor == ALL:
                yield _put_on(case, {**dress, **self._alike(dress, level)})
            elif (
                factor in dress
                and self._can_wear(shapes, factor)[self._levels[factor].index(level)]
            ):
                yield _put_on(case, {**dress, factor: level})

    def _turn(self, case: Case, turn: int, rng: np.random.Generator) -> dict[str, str]:
        """Dtype and value kind in turn; layouts in a third of the cases, random or all alike."""
        kinds = self._kinds
        # Kinds change with every case, and begin each round with another dtype: all pairs occur.
        rounds, place = divmod(turn, len(kinds))
        dtype = self._dtypes[(rounds + place) % len(self._dtypes)]
        arrays = [*case.operand_shapes, "y_bar"]
        # Drawn, not counted: layouts must meet every dtype and every value kind.
        is_plain = rng.integers(3) > 0
        layouts = {
            # About half of the operands, and always the cotangent.
            name: C_ORDER
            if is_plain or (name != "y_bar" and rng.integers(2))
            else _one_of(self._levels[name], rng)
            for name in arrays
        }
        dress = {"dtype": dtype, "values": kinds[place], **layouts}
        if not is_plain and rng.integers(2):
            dress |= self._alike(dress, _one_of(self._levels[ALL], rng))
        return {factor: self._taken(factor, level) for factor, level in dress.items()}

    def _taken(self, factor: str, level: str) -> str:
        """The level, or the first that is not refused where it is."""
        if edge_class(factor, level) not in self.refused:
            return level
        taken = (
            each for each in self._levels[factor] if edge_class(factor, each) not in self.refused
        )
        return next(taken, level)

    def _alike(self, dress: Mapping[str, str], layout: str) -> dict[str, str]:
        """One layout for all arrays that may have it, as a framework's memory format is."""
        arrays = [factor for factor in dress if factor not in ("dtype", "values")]
        return dict.fromkeys(wearers(self._operation, arrays, layout), layout)

    def _at_odds(self) -> Iterator[tuple[str, str]]:
        """Pairs of one layout for all arrays, and of another one for one of them."""
        arrays = array_layouts(self._operation)
        for layout in self._levels[ALL]:
            for array in wearers(self._operation, arrays, layout):
                for other in arrays[array]:
                    if other != layout:
                        yield edge_class(ALL, layout), edge_class(array, other)


def _one_of(levels: Sequence[str], rng: np.random.Generator) -> str:
    return levels[int(rng.integers(len(levels)))]


def _put_on(case: Case, dress: Mapping[str, str]) -> Case:
    layouts = {name: level for name, level in dress.items() if name not in ("dtype", "values")}
    return replace(case, dtype=dress["dtype"], values=dress["values"], layout=join_layouts(layouts))


def _kinds(operation: Operation) -> list[str]:
    """The operation's value kinds, each as often as its weight, spread evenly."""
    slots = [
        ((position + 0.5) / WEIGHTS[kind], order, kind)
        for order, kind in enumerate(operation.value_kinds)
        if kind in WEIGHTS
        for position in range(WEIGHTS[kind])
    ]
    return [kind for _, _, kind in sorted(slots)]
