"""Experiments on a declared operation: which structure it has, asked on some of its geometries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.errors import OperationError
from bpcheck.operations.declared.sizes import Sizes
from bpcheck.operations.declared.structure import (
    Evaluate,
    Factors,
    Sums,
    has_kinks,
    is_linear_up_to_rounding,
    is_sum_of_products,
    parts_of,
    signed,
    sums_of,
)
from bpcheck.operations.promises import Shape
from bpcheck.operations.torch_vjp import few_threads, torch_vjp

if TYPE_CHECKING:
    from bpcheck.operations.declared.declared import Declared

#: Geometries that experiments are made on, and those drawn to find them.
TRIED, DRAWN = 8, 64

#: Numbers above are no choice of a param, but one of many.
MANY = 200

#: How many small numbers a step is: large ones hardly ever cancel, and their sums are exact still.
_FAR = 2**20

#: And the numbers of a cotangent: with those steps their sums are exact in float64.
_SOME = 2**10


@dataclass(frozen=True, slots=True)
class Found:
    """What experiments say of a function.

    Parameters
    ----------
    is_exact
        Whether it is a sum of products of its operands, with whole coefficients, on all geometries
        that were tried: then whole numbers are added up without rounding.
    is_positive
        Whether all coefficients are 0 or more.
    has_kinks
        Whether it bends somewhere.
    parts
        The sets of operands of which an exact one adds up products.
    linear
        The operands in which it is linear, but for a constant and for rounding.
    """

    is_exact: bool
    is_positive: bool
    has_kinks: bool
    parts: frozenset[Factors] = frozenset()
    linear: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.is_exact:
            return "a sum of products of its operands, exact on whole numbers"
        return "piecewise smooth, with kinks" if self.has_kinks else "smooth"

    def told(self, operands: Sequence[str]) -> str:
        """That, and in which of its operands it is linear."""
        if self.is_exact:
            pairs = [" · ".join(each) for each in sorted(self.parts, key=lambda each: -len(each))]
            return f"{self}: {' + '.join(pairs)}"
        named = [each for each in operands if each in self.linear]
        *most, last = named or [""]
        listed = f"{', '.join(most)} and {last}" if most else last
        return f"{self}, linear in {listed} up to rounding" if named else str(self)


def found_of(operation: Declared) -> Found:
    """What experiments say of an operation."""
    exact, positive, kinked = True, True, False
    parts: frozenset[Factors] = frozenset()
    linear: dict[str, bool] = {}
    for geometry in _tried(operation):
        evaluate = _evaluator(operation, geometry)
        shapes = operation.operand_shapes(geometry)
        rng = np.random.default_rng(0)
        _require_one_answer(operation, evaluate, shapes)
        exact = exact and is_sum_of_products(evaluate, shapes, rng)
        if exact:
            parts |= parts_of(evaluate, shapes, rng)
            positive = positive and sums_for(operation, geometry, parts).is_positive
        else:
            kinked = kinked or has_kinks(evaluate, shapes, rng)
        for name in shapes:
            # One that bends somewhere is asked no more.
            if linear.get(name, True):
                linear[name] = is_linear_up_to_rounding(evaluate, name, shapes, rng)
    kept = tuple(name for name, is_linear in linear.items() if is_linear)
    return Found(exact, positive, kinked and not exact, parts if exact else frozenset(), kept)


def _require_one_answer(
    operation: Declared, evaluate: Evaluate, shapes: Mapping[str, Shape]
) -> None:
    """Raise `OperationError` for a reference that draws numbers of its own."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    if not np.array_equal(evaluate(arrays), evaluate(arrays), equal_nan=True):
        raise OperationError(
            f"{operation.name}: the reference gives other numbers for the same operands each time; "
            "let it take what it draws, such as a mask, as an operand that is constant"
        )


def sums_for(operation: Declared, geometry: Sizes, parts: frozenset[Factors]) -> Sums:
    """The sums of an operation that is a sum of products."""
    params = operation.params(geometry)

    def run(arrays: Mapping[str, Array], y_bar: Array) -> dict[str, Array]:
        return torch_vjp(operation.torch_forward, arrays, y_bar, params)

    return sums_of(
        run,
        parts,
        operation.operand_shapes(geometry),
        operation.output_shape(geometry),
        np.random.default_rng(0),
    )


def has_own_gradient(operation: Declared, geometry: Sizes) -> bool:
    """Whether the vjp is not that of the forward: a row of padding takes no gradient."""
    params = operation.params(geometry)
    evaluate = _evaluator(operation, geometry)
    rng = np.random.default_rng(0)
    shapes = operation.operand_shapes(geometry)
    at = {name: signed(shape, rng) for name, shape in shapes.items()}
    # Ones would add up to 0 over an even number of rows, and small steps cancel, by chance.
    y_bar = _integers(operation.output_shape(geometry), _SOME, rng)
    found = torch_vjp(operation.torch_forward, at, y_bar, params)
    for name, shape in shapes.items():
        step = _integers(shape, _FAR, rng)
        moved = evaluate({**at, name: at[name] + step}) - found["y"]
        if np.vdot(y_bar, moved) != np.vdot(found[f"{name}_bar"], step):
            return True
    return False


def _integers(shape: Shape, below: int, rng: np.random.Generator) -> Array:
    """Integers of many sizes and either sign."""
    return signed(shape, rng) * rng.integers(1, below, size=shape)


def _evaluator(operation: Declared, geometry: Sizes) -> Evaluate:
    import torch

    params: dict[str, Any] = operation.params(geometry)

    def evaluate(arrays: Mapping[str, Array]) -> Array:
        tensors = {name: torch.from_numpy(np.array(each, float)) for name, each in arrays.items()}
        with few_threads(arrays), torch.no_grad():
            found: Array = operation.torch_forward(tensors, params).numpy()
        return found

    return evaluate


def _tried(operation: Declared) -> Iterator[Sizes]:
    """Small geometries that hold every value of every param between them, as far as drawn."""
    rng = np.random.default_rng((0, *b"structure"))
    drawn = [
        operation.draw(lambda low, high: int(rng.integers(low, high + 1))) for _ in range(DRAWN)
    ]
    drawn.sort(key=operation.cells)
    # Those first that are small: what a function is, it is on small arrays too. An empty one tells
    # nothing, and one of a few numbers little.
    small = [each for each in drawn if operation.cells(each) > 4 and _is_full(operation, each)]
    small = small or drawn
    unmet = {item for each in small for item in _choices(operation, each)}
    for place, geometry in enumerate(small):
        met = unmet.intersection(_choices(operation, geometry))
        if place < TRIED or met:
            unmet -= met
            yield geometry


def _is_full(operation: Declared, geometry: Sizes) -> bool:
    shapes = (*operation.operand_shapes(geometry).values(), operation.output_shape(geometry))
    return all(0 not in shape for shape in shapes)


def _choices(operation: Declared, geometry: Sizes) -> set[tuple[str, int]]:
    numbers = geometry.numbers()
    return {
        (key, numbers[key])
        for key, default in operation.keys.items()
        if default is not None and key != "draws" and numbers[key] < MANY
    }
