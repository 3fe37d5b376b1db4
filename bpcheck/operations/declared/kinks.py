"""Other conventions at a kink: gradients that lie between those on its sides are right too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bpcheck.arithmetic import Array, Format
from bpcheck.operations.declared import rounding
from bpcheck.operations.declared.sizes import Sizes
from bpcheck.operations.torch_vjp import torch_vjp

if TYPE_CHECKING:
    from bpcheck.operations.declared.declared import Declared

#: Points beside the given one whose gradients are looked at.
POINTS = 24

#: How far they lie, in units of the dtype's roundoff: near enough that nothing else changes.
NEAR = 64.0


def are_between(
    operation: Declared,
    geometry: Sizes,
    operands: Mapping[str, Array],
    y_bar: Array,
    results: Mapping[str, Array],
    form: Format,
) -> bool:
    """Whether every gradient lies between the least and the largest of those beside its point."""
    params = operation.params_in(geometry, form.name)
    arrays = {**operands, "y_bar": y_bar}
    rng = np.random.default_rng(0)
    least: dict[str, Array] = {}
    most: dict[str, Array] = {}
    for point in range(POINTS):
        # The point itself is one of them.
        step = NEAR * form.unit_roundoff if point else 0.0
        moved = {
            name: each + step * np.maximum(1, np.abs(each)) * _signs(each.shape, rng)
            for name, each in operands.items()
        }
        found = torch_vjp(operation.torch_forward, moved, y_bar, params)
        for name, values in found.items():
            least[name] = np.minimum(least.get(name, values), values)
            most[name] = np.maximum(most.get(name, values), values)
    unit = form.unit_roundoff
    bounds = rounding.bounds(operation, arrays, params, stored=unit, summed=unit)[0]
    for name, values in results.items():
        slack = bounds[name] + 2 * NEAR * form.unit_roundoff * np.abs(values)
        if not np.all((values >= least[name] - slack) & (values <= most[name] + slack)):
            return False
    return True


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.integers(-1, 2, size=shape).astype(np.float64)
