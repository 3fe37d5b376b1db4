"""What rounding can do to the results of a declared operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.declared.noise import spread
from bpcheck.operations.declared.tape import record
from bpcheck.operations.promises import Params
from bpcheck.operations.torch_vjp import few_threads, torch_vjp

if TYPE_CHECKING:
    from bpcheck.operations.declared.declared import Declared

#: By how many times the spread of random roundings an honest implementation may be off: on torch's
#: own kernels it is below 9 in single precision; see docs/your-operation.md.
MULTIPLE = 16.0

#: Unit roundoff of the oracle.
ORACLE = 2.0**-53

#: Cases whose bounds are kept: several checks ask for those of one case.
KEPT = 4


def bounds(
    operation: Declared,
    arrays: Mapping[str, Array],
    params: Params,
    *,
    stored: float,
    summed: float,
) -> list[dict[str, Array]]:
    """Bounds on the error of every result: surely, almost surely, and those of the oracle."""
    found = spreads_of(operation, arrays, params, stored, summed)
    honest = {name: honest_error(*each, stored) for name, each in found.items()}
    oracles = {name: each * (ORACLE / stored) for name, each in honest.items()}
    return [honest, honest, oracles]


def honest_error(spread: Array, size: Array, stored: float) -> Array:
    """What an honest implementation may be off by, of a spread and of the size of the result.

    The last rounding is no matter of chance; where some rounding leads out of the range, any number
    is honest.
    """
    error: Array = np.nan_to_num(MULTIPLE * spread + 2 * stored * size, nan=np.inf, posinf=np.inf)
    return error


#: Of each result: the spread of random roundings, and its size.
Spreads = dict[str, tuple[Array, Array]]


def spreads_of(
    operation: Declared, arrays: Mapping[str, Array], params: Params, stored: float, summed: float
) -> Spreads:
    """The spread of each result of a case under random rounding, and its size."""
    return operation.once(_spreads)(_Arrays(arrays, params), stored, summed)


class _Arrays:
    """The numbers of a case, which are equal where their bytes are."""

    def __init__(self, arrays: Mapping[str, Array], params: Params):
        self.arrays, self.params = arrays, params
        self._key = (
            tuple((name, each.shape, each.tobytes()) for name, each in sorted(arrays.items())),
            repr(sorted(params.items(), key=lambda item: item[0])),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Arrays) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _spreads(operation: Declared) -> Callable[[_Arrays, float, float], Spreads]:
    @lru_cache(maxsize=KEPT)
    def spreads(given: _Arrays, stored: float, summed: float) -> Spreads:
        import torch

        operands = {
            name: torch.from_numpy(np.array(each, np.float64))
            for name, each in given.arrays.items()
            if name != "y_bar"
        }
        y_bar = torch.from_numpy(np.array(given.arrays["y_bar"], np.float64))

        def forward(tensors: Mapping[str, Any]) -> Any:
            return operation.torch_forward(tensors, given.params)

        with few_threads(given.arrays):
            tape = record(forward, operands, y_bar)
            return spread(tape, given.arrays, stored, summed)

    return spreads


def at_least(
    operation: Declared,
    found: Mapping[str, Array],
    arrays: Mapping[str, Array],
    params: Params,
) -> dict[str, Array]:
    """Bounds of ``sum |a_i b_i|`` where coefficients have both signs.

    The mean square over random signs of the numbers is the sum of the squares of the terms, and by
    Cauchy and Schwarz the sum of so many is at most the root of that times their number.
    """
    rng = np.random.default_rng(0)
    squares = {name: values**2 for name, values in found.items()}
    rounds = 8
    for _ in range(rounds):
        signed = {
            name: each * (rng.integers(0, 2, size=each.shape) * 2 - 1)
            for name, each in arrays.items()
        }
        y_bar = signed.pop("y_bar")
        for name, values in torch_vjp(operation.torch_forward, signed, y_bar, params).items():
            squares[name] = squares[name] + 4 * values**2 / rounds
    terms = sqrt(max(prod(each.shape) for each in arrays.values()))
    return {name: terms * np.sqrt(each) for name, each in squares.items()}
