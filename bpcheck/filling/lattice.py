"""Drawing integers on the lattice of a case: never zero, signed, distinct or sparse at need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format
from bpcheck.cases.case import Case
from bpcheck.filling.budget import is_exact
from bpcheck.filling.distinct import distinct_values
from bpcheck.filling.thinning import thin
from bpcheck.operations.promises import Lattice, Shape

#: Number of elements from which on it counts how fast they are drawn.
_LARGE = 2**15


@dataclass(frozen=True, slots=True)
class Arrays:
    """The operands of a case by name, its cotangent, and what is known of their values.

    Parameters
    ----------
    operands
        One array for each operand that the geometry has, in the case's dtype.
    y_bar
        The cotangent.
    steps
        For each operand: the largest integer step that keeps a finite difference exact, or 0 where
        no step does.
    units
        For each operand that is divided: the number that its values and steps are multiples of.
    fixed
        Where thinning has put zeros, by operand: a step there would make sums longer than they may
        be. Other zeros are stepped like any other entry.
    survival
        Largest probability with which a wrong row of the gradient gives the right number for this
        random cotangent; 1 where the cotangent is not random.
    """

    operands: Mapping[str, Array]
    y_bar: Array
    steps: Mapping[str, int]
    units: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, Array] = field(default_factory=dict)
    survival: float = 1.0

    @property
    def is_exact(self) -> bool:
        """Whether the values lie on a lattice on which every partial sum is exact."""
        return any(self.steps.values())


def array_shapes(case: Case) -> dict[str, Shape]:
    """Shapes of the operands that the case has and, last, of its cotangent ``y_bar``."""
    return {
        **case.operand_shapes,
        "y_bar": case.operation.output_shape(case.geometry),
    }


def lattice_of(case: Case) -> Lattice:
    """The lattice of the case's operation; `ValueError` for an operation that has none."""
    lattice = case.lattice
    if lattice is None:
        raise ValueError(f"{case.operation} has no exact lattice; use the value kind 'real'")
    return lattice


def lattice_is_kinked(case: Case) -> bool:
    """Whether the values must differ for a finite difference to be exact."""
    lattice = case.lattice
    return lattice is not None and lattice.distinct is not None


def draw(
    case: Case, lattice: Lattice, magnitudes: Mapping[str, int], rng: np.random.Generator
) -> Arrays:
    """Integers up to `magnitudes`, times what the lattice makes them multiples of."""
    form, shapes = FORMATS[case.dtype], array_shapes(case)
    if lattice.multiples and not is_exact(lattice, form, magnitudes):
        # Quotients then round, as they may: whoever compares knows that the operation divides.
        lattice = replace(lattice, multiples={})
    drawn = {
        name: nonzero_integers(shape, magnitudes[name], rng)
        for name, shape in shapes.items()
        if lattice.distinct is None or name != "x"
    }
    steps = {name: magnitudes[name] for name in shapes if name != "y_bar"}
    density, fixed = 1.0, {}
    if lattice.distinct is not None:
        drawn["x"], steps["x"] = distinct_values(
            shapes["x"],
            lattice.distinct,
            form,
            rng,
            negative=case.values == "negative",
            wide=case.values == "wide",
        )
    elif not is_exact(lattice, form, magnitudes):
        drawn, density = thin(case, drawn, form, rng)
        fixed = {name: drawn[name] == 0 for name in steps if not drawn[name].all()}
    y_bar = _cast(drawn.pop("y_bar"), lattice.multiples.get("y_bar", 1), form)
    return Arrays(
        operands={
            name: _cast(values, lattice.multiples.get(name, 1), form)
            for name, values in drawn.items()
        },
        y_bar=y_bar,
        steps=steps,
        units={name: lattice.multiples.get(name, 1) for name in drawn},
        fixed=fixed,
        survival=max(1 - density, density / (2 * magnitudes["y_bar"])),
    )


def nonzero_integers(shape: Shape, magnitude: int, rng: np.random.Generator) -> Array:
    """Uniform on the integers from ``-magnitude`` to ``magnitude`` without zero."""
    if prod(shape) >= _LARGE and magnitude < 2**15 and magnitude.bit_count() == 1:
        return nonzero_bits(shape, magnitude.bit_length() - 1, rng)
    dtype = np.int16 if magnitude < 2**15 else np.int64
    values = rng.integers(-magnitude, magnitude, size=shape, dtype=dtype)
    # A zero would hide the entry that it multiplies.
    values += values >= 0
    return values


def nonzero_bits(shape: Shape, bits: int, rng: np.random.Generator) -> Array:
    """The same for a magnitude of ``2**bits``, `bits` being 14 at most.

    As many values as bits can tell apart are drawn a few times faster than any other number.
    """
    size = prod(shape)
    words = rng.bit_generator.random_raw(-(-size // 4)).astype("<u8", copy=False)
    values: Array = words.view("<i2")[:size].reshape(shape) >> (15 - bits)
    values += values >= 0
    return values


def _cast(values: Array, multiple: int, form: Format) -> Array:
    scaled = values if multiple == 1 else np.multiply(values, multiple, dtype=np.float64)
    return scaled.astype(form.dtype, copy=False)
