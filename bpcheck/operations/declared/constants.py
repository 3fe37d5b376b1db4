"""The operands of a case that have no gradient: labels, masks, weights of a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.declared.draws import reals
from bpcheck.operations.declared.named import call_by_name
from bpcheck.operations.declared.sizes import Sizes

if TYPE_CHECKING:
    from bpcheck.operations.declared.declared import Declared


def constants_of(
    operation: Declared, geometry: Sizes, known: dict[str, Any], dtype: np.dtype[Any]
) -> dict[str, Array | None]:
    """Each operand without a gradient, by name: ``None`` where it is optional and not there.

    They follow from the geometry, which has a number of its own for them. Real ones have few bits,
    so that they are the same numbers in every dtype.
    """
    shapes = operation.every_shape(geometry)
    numbers = geometry.numbers()
    found: dict[str, Array | None] = {}
    for place, name in enumerate(operation.constants):
        if name not in shapes:
            found[name] = None
            continue
        rng = np.random.default_rng((numbers["draws"], place))
        # A param may have the name of one of these: it is the param that counts.
        given = {
            "rng": rng,
            "shape": shapes[name],
            "classes": _classes(operation, geometry, name),
            "known": known,
            **known,
        }
        draw = operation.declared.draw.get(name, reals)
        values = np.asarray(call_by_name(draw, given, what=f"draw of {name}"))
        found[name] = values if values.dtype.kind in "biu" else values.astype(dtype)
    return found


def _classes(operation: Declared, geometry: Sizes, name: str) -> int:
    """The size of the first axis of another operand that this one lacks."""
    numbers = geometry.numbers()
    every = {each.name: each for each in operation.declared.operands}
    own = {axis for size in every[name].dimensions for axis in size.names}
    for operand in operation.operands:
        for size in every[operand].dimensions:
            if not own.intersection(size.names):
                return size.of(numbers)
    return 1
