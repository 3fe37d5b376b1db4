"""What a case is, in words that a condition may be made of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.operations import Operation
from bpcheck.operations.promises import Shape
from bpcheck.planning.classes import (
    ClassesOf,
    array_shapes,
    beside_classes,
    dress_classes,
    edge_class,
    geometry_classes,
)

#: What stands before the name of a class that a case is not in.
NOT = "not "

#: Sizes past which kernels take other paths: counters and lanes, blocks, and what a byte holds.
_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)

#: Between what is counted and a size that it is beyond.
_BEYOND = " > "

#: What follows the name of an array in such an atom of its memory.
_NO_WRITING = "cannot be written"


def atoms_of(case: Case, *, dresses: bool = False) -> frozenset[str]:
    """The classes that a case is in, and ``not`` and the name of each edge class that it is not in.

    Of a factor with many levels one is often the plain one: what has groups is not ``groups 1``.
    An empty batch is evidence for no other class than that.
    """
    operation = case.operation
    if 0 in case.shapes["y"]:
        return frozenset((operation.empty_class,))
    found = operation.once(_atoms)(case.geometry)
    return found | dress_atoms(case) if dresses else found


def dress_atoms(case: Case) -> frozenset[str]:
    """The classes of what a case wears, what its memory is like, and the dtypes that it has not.

    An array that is read-only or lies between two words may be in C order all the same.
    """
    memory = (
        atom
        for name, shape in array_shapes(case.operation, case.geometry).items()
        for atom in _of_memory(name, shape, case.layouts.get(name, C_ORDER))
    )
    dtypes = (f"{NOT}{edge_class('dtype', name)}" for name in case.operation.dtypes)
    own = f"{NOT}{edge_class('dtype', case.dtype)}"
    return dress_classes(case).union(memory, (each for each in dtypes if each != own))


def beyond_a_size(name: str) -> str:
    """What is counted, where an atom says how large it is; nothing for any other.

    Examples
    --------
    >>> beyond_a_size("samples > 4"), beyond_a_size("not elements of x > 32")
    ('samples', 'elements of x')
    >>> beyond_a_size("stride > 1")
    ''
    """
    counted, _, size = name.removeprefix(NOT).rpartition(_BEYOND)
    return counted if size.isdecimal() and int(size) in _SIZES else ""


def memory_said(name: str) -> str:
    """An atom of memory or dtype that a case is not in, as a headline reads it.

    Examples
    --------
    >>> memory_said("not y_bar c-order"), memory_said("not dtype float32")
    ('y_bar not in C order', 'dtype other than float32')
    >>> memory_said("not x cannot be written")
    'x can be written'
    """
    array, _, rest = name.removeprefix(NOT).partition(" ")
    if array == "dtype":
        return f"dtype other than {rest}"
    return f"{array} {'can be written' if rest == _NO_WRITING else 'not in C order'}"


def _atoms(operation: Operation) -> ClassesOf:
    """Those of a geometry; what follows from an operation is made once."""
    # What has samples is all there is, unless a case is an empty batch.
    edges = [str(each) for each in operation.edge_classes if str(each) != operation.empty_class]
    more = [(str(each), each.holds) for each in operation.conditions]
    measures = operation.measures

    def found(geometry: Any) -> frozenset[str]:
        held = geometry_classes(operation, geometry)
        return frozenset(
            (
                *(name if name in held else f"{NOT}{name}" for name in edges),
                *(name if holds(geometry) else f"{NOT}{name}" for name, holds in more),
                *beside_classes(operation, geometry),
                *(
                    atom
                    for measure in measures
                    for atom in _of_size(measure.name, measure.of(geometry))
                ),
            )
        )

    return found


def _of_size(name: str, size: int) -> tuple[str, ...]:
    """Every size that it is beyond, and not beyond."""
    return tuple(f"{'' if size > each else NOT}{name}{_BEYOND}{each}" for each in _SIZES)


@lru_cache(maxsize=4_096)
def _of_memory(name: str, shape: Shape, layout: str) -> tuple[str, ...]:
    """Whether an array of that shape lies in C order, and whether it can be written."""
    flags = lay_out(np.zeros(shape, dtype=np.float32), layout).flags
    written = f"{NOT if flags.writeable else ''}{name} {_NO_WRITING}"
    return (written,) if flags.c_contiguous else (f"{NOT}{edge_class(name, C_ORDER)}", written)
