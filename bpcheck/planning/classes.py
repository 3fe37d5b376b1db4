"""Edge classes of a case: those of its geometry, its dtype, its values and its memory layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from bpcheck.cases.case import Case
from bpcheck.cases.layouts import C_ORDER, LAYOUTS, layouts_for
from bpcheck.cases.repeats import (
    BROADCAST_ALL,
    BROADCAST_BATCH,
    OVERLAPPING,
    REPEATING,
    repeats,
)
from bpcheck.operations import Operation
from bpcheck.operations.promises import Shape
from bpcheck.planning.draws import integers_from

#: What stands for all arrays of a case, where they have one layout.
ALL = "all"

#: How often each value kind occurs in a plan: exact ones find most, real ones judge rounding. Kinds
#: that are left out occur in none.
WEIGHTS = MappingProxyType(
    {
        "exact": 5,
        "wide": 2,
        "ties": 2,
        "sparse": 2,
        "negative": 1,
        "special": 1,
        "tiny": 1,
        "huge": 1,
        "real": 3,
        "pruned": 2,
        "scaled": 1,
        "rows": 3,
        "far": 2,
        "masked": 2,
    }
)

#: Layouts that no framework gives to all arrays at once, or in which all would hide each other.
_ALONE = (C_ORDER, BROADCAST_BATCH, BROADCAST_ALL, OVERLAPPING)

#: Geometries of which the classes are kept: a plan asks when it draws one, dresses it, judges it
#: and wears it again.
ASKED_AGAIN = 4_096

#: From a geometry to names of classes.
ClassesOf = Callable[[Any], frozenset[str]]


def edge_classes(operation: Operation, dtypes: Sequence[str]) -> tuple[str, ...]:
    """Names of the edge classes of which a run in these dtypes covers all pairs."""
    return (
        *(str(each) for each in operation.edge_classes),
        *(edge_class("dtype", name) for name in dtypes),
        *(edge_class("values", kind) for kind in operation.value_kinds if kind in WEIGHTS),
        *(
            edge_class(array, layout)
            for array, layouts in array_layouts(operation).items()
            for layout in layouts
        ),
        *(edge_class(ALL, layout) for layout in shared_layouts(operation)),
    )


def every_class(operation: Operation, dtypes: Sequence[str]) -> tuple[str, ...]:
    """Names of all the classes that a run must meet: these, and those of `beside`."""
    return (*edge_classes(operation, dtypes), *beside(operation))


def beside(operation: Operation) -> tuple[str, ...]:
    """Classes that are paired with dresses only: extremes, families and residues."""
    return (
        *(str(each.edge) for each in operation.extremes),
        *(str(family) for family in operation.families),
        *operation.residues,
    )


def classes_of(case: Case) -> frozenset[str]:
    """Names of all classes that a case belongs to."""
    return (
        geometry_classes(case.operation, case.geometry)
        | beside_classes(case.operation, case.geometry)
        | dress_classes(case)
    )


def beside_classes(operation: Operation, geometry: Any) -> frozenset[str]:
    """Those of `beside` that a geometry belongs to."""
    return operation.once(_beside_classes)(geometry)


def _beside_classes(operation: Operation) -> ClassesOf:
    extremes = [(str(each.edge), each.edge.holds) for each in operation.extremes]

    @lru_cache(maxsize=ASKED_AGAIN)
    def found(geometry: Any) -> frozenset[str]:
        named = (name for name, holds in extremes if holds(geometry))
        return operation.shipped_classes(geometry).union(named)

    return found


def dress_classes(case: Case) -> frozenset[str]:
    """Those that its geometry has no part in: dtype, values and layouts."""
    given = case.layouts
    arrays = array_shapes(case.operation, case.geometry)
    return frozenset(
        (
            edge_class("dtype", case.dtype),
            edge_class("values", case.values),
            *(
                edge_class(array, given.get(array, C_ORDER))
                for array, shape in arrays.items()
                if can_wear(shape, given.get(array, C_ORDER))
            ),
            *(
                edge_class(ALL, layout)
                for layout in set(given.values()).intersection(shared_layouts(case.operation))
                if all(
                    given.get(array) == layout for array in wearers(case.operation, arrays, layout)
                )
            ),
        )
    )


def array_shapes(operation: Operation, geometry: Any) -> dict[str, Shape]:
    """Shapes of the operands that there are and, last, of the cotangent ``y_bar``."""
    return {**operation.operand_shapes(geometry), "y_bar": operation.output_shape(geometry)}


def can_wear(shape: Shape, layout: str) -> bool:
    """Whether a layout is one of its own for that shape: one sample does not repeat."""
    return layout not in REPEATING or repeats(shape, layout)


@lru_cache(maxsize=ASKED_AGAIN)
def wearable(shape: Shape, layouts: tuple[str, ...]) -> tuple[bool, ...]:
    """Which of the layouts are ones of their own for that shape."""
    return tuple(can_wear(shape, layout) for layout in layouts)


def geometry_classes(operation: Operation, geometry: Any) -> frozenset[str]:
    """Names of the edge classes that a geometry belongs to."""
    return operation.once(_geometry_classes)(geometry)


def _geometry_classes(operation: Operation) -> ClassesOf:
    predicates = [(str(each), each.holds) for each in operation.edge_classes]

    @lru_cache(maxsize=ASKED_AGAIN)
    def found(geometry: Any) -> frozenset[str]:
        return frozenset(name for name, holds in predicates if holds(geometry))

    return found


def array_layouts(operation: Operation) -> dict[str, tuple[str, ...]]:
    """The layouts that each operand and the cotangent may have, C order first."""
    return operation.once(_array_layouts)


def _array_layouts(operation: Operation) -> dict[str, tuple[str, ...]]:
    integers = integers_from(np.random.default_rng(0))
    geometry = operation.draw(integers)
    while len(shapes := operation.operand_shapes(geometry)) < len(operation.operands):
        geometry = operation.draw(integers)
    ranks = {name: len(shape) for name, shape in shapes.items()}
    ranks["y_bar"] = len(operation.output_shape(geometry))
    shared = shapes if len(shapes) > 1 else ()
    return {
        name: layouts_for(rank, is_cotangent=name == "y_bar", has_company=name in shared)
        for name, rank in ranks.items()
    }


def shared_layouts(operation: Operation) -> tuple[str, ...]:
    """The layouts that several arrays may have at once, C order left out."""
    return operation.once(_shared_layouts)


def _shared_layouts(operation: Operation) -> tuple[str, ...]:
    levels = array_layouts(operation).values()
    return tuple(
        layout
        for layout in LAYOUTS
        if layout not in _ALONE and sum(layout in each for each in levels) > 1
    )


def wearers(operation: Operation, arrays: Iterable[str], layout: str) -> list[str]:
    """Those of the arrays that may have this layout: a vector has no other order of its axes."""
    levels = array_layouts(operation)
    return [array for array in arrays if layout in levels[array]]


def edge_class(factor: str, level: str) -> str:
    """The name of an edge class of dresses: that of a dtype, a value kind, or an array's layout.

    >>> edge_class("x", "fortran")
    'x fortran'
    """
    return f"{factor} {level}"
