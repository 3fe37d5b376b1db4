"""The oracle on trial: torch in float64 against plain loops and against exact integers.

    python -m benchmarks.oracle                # every geometry of each small scope: the table of
                                               # docs/benchmarks.md
    python -m benchmarks.oracle --count 500    # so many of each, drawn by seed

Torch in float64, in C order, judges everywhere. Here it is judged: over the small scope of each
operation, over a small copy of every distinct layer of the built-in sets, and over small layers of
every family of shipped ones, its results are held to loops in Python floats and to sums of Python
integers (of fractions, where an average divides), which no rounding and no index arithmetic of
NumPy or torch has a part in. What differs is a defect of torch, and printed as one.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from benchmarks.detection import head, row, spread
from benchmarks.loops import (
    Grid,
    avg_divisor,
    channels,
    conv_grid,
    loops,
    pool_grid,
)
from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.filling import fill
from bpcheck.operations import Operation, operation_named, operation_names
from bpcheck.oracles.autograd import autograd
from bpcheck.planning.limits import Limits
from bpcheck.planning.shipped import Shipped

#: Geometries that travel together to a process.
BATCH = 50

#: Small layers of each family of shipped ones, in as many residue classes as so few can have.
OF_FAMILY = 4

#: Loops of Python: a copy of a large layer takes minutes.
LARGEST = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one case: the results that differ from loops, and from exact sums."""

    operation: str
    case: str
    from_loops: tuple[str, ...]
    from_exact: tuple[str, ...]


def operations() -> list[str]:
    """Those that have scopes."""
    return [name for name in operation_names() if operation_named(name).scopes]


def exact(case: Case, arrays: Mapping[str, Array], y_bar: Array) -> dict[str, Any]:
    """Every result in integers or fractions, as arrays of Python objects."""
    numbers = {name: _exact(array) for name, array in arrays.items()}
    cotangent = _exact(y_bar)
    if "w" in numbers:
        return _conv(numbers, cotangent, case.params)
    x, params = numbers["x"], case.params
    grid = pool_grid(x.shape, params)
    if case.operation.divides:
        return _average(x, cotangent, grid, params)
    return _maximum(x, cotangent, grid)


def _exact(array: Array) -> Any:
    found = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        found[place] = Fraction(float(array[place]))
    return found


def _zeros(shape: tuple[int, ...]) -> Any:
    found = np.empty(shape, dtype=object)
    found[...] = Fraction(0)
    return found


def _conv(numbers: Mapping[str, Any], y_bar: Any, params: dict[str, Any]) -> dict[str, Any]:
    x, w, b = numbers["x"], numbers["w"], numbers.get("b")
    grid = conv_grid(x.shape, w.shape, params)
    y = _zeros((len(x), len(w), *grid.output))
    x_bar, w_bar, b_bar = _zeros(x.shape), _zeros(w.shape), _zeros(w.shape[:1])
    for n, o, c, x_c in channels(x, w, params["groups"]):
        for p in grid.windows():
            for j, cell in grid.cells(p):
                y[n, o, *p] += w[o, c, *j] * x[n, x_c, *cell]
                x_bar[n, x_c, *cell] += y_bar[n, o, *p] * w[o, c, *j]
                w_bar[o, c, *j] += y_bar[n, o, *p] * x[n, x_c, *cell]
    results = {"y": y, "x_bar": x_bar, "w_bar": w_bar}
    if b is None:
        return results
    for n, o in np.ndindex(y.shape[:2]):
        for p in grid.windows():
            y[n, o, *p] += b[o]
            b_bar[o] += y_bar[n, o, *p]
    return {**results, "b_bar": b_bar}


def _maximum(x: Any, y_bar: Any, grid: Grid) -> dict[str, Any]:
    y, x_bar = _zeros((*x.shape[:2], *grid.output)), _zeros(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        for p in grid.windows():
            # Of equal ones the first.
            winner = max((cell for _, cell in grid.cells(p)), key=lambda cell: x[n, c, *cell])
            y[n, c, *p] = x[n, c, *winner]
            x_bar[n, c, *winner] += y_bar[n, c, *p]
    return {"y": y, "x_bar": x_bar}


def _average(x: Any, y_bar: Any, grid: Grid, params: dict[str, Any]) -> dict[str, Any]:
    y, x_bar = _zeros((*x.shape[:2], *grid.output)), _zeros(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        for p in grid.windows():
            divisor = avg_divisor(grid, p, params)
            for _, cell in grid.cells(p):
                y[n, c, *p] += x[n, c, *cell] / divisor
                x_bar[n, c, *cell] += y_bar[n, c, *p] / divisor
    return {"y": y, "x_bar": x_bar}


def ask(operation: str, geometries: list[Any], seed: int) -> list[Asked]:
    """Hold torch to both on each of the geometries."""
    plain = loops(operation)
    found = []
    for number, geometry in enumerate(geometries, seed):
        case = Case(plain.operation, geometry, values="jacobian", seed=number)
        arrays = fill(case)
        asked = autograd(case, arrays)
        operands = [arrays.operands.get(name) for name in case.operation.operands]
        y, residuals = plain.forward(*operands, **case.params)
        names = [f"{name}_bar" for name in case.operation.operands]
        looped = {"y": y, **dict(zip(names, plain.vjp(residuals, arrays.y_bar), strict=True))}
        sums = exact(case, arrays.operands, arrays.y_bar)
        found.append(
            Asked(
                operation,
                str(case),
                tuple(name for name in asked if not _is_near(asked[name], looped[name])),
                tuple(name for name in asked if not _is_exactly(asked[name], sums[name])),
            )
        )
    return found


def _is_near(got: Array, looped: Array) -> bool:
    """Whether two results in floats are the same; quotients may be rounded in another place."""
    return bool(np.allclose(got, looped, rtol=2.0**-50, atol=0))


def _is_exactly(got: Array, expected: Any) -> bool:
    """Whether each number is the exact one, or for a fraction that no float is, the nearest few."""
    for place in np.ndindex(got.shape):
        right = expected[place]
        off = abs(Fraction(float(got[place])) - right)
        # An integer below 2**53 is a float: there is nothing to round.
        if off and (right.denominator == 1 or off > abs(right) * Fraction(1, 2**50)):
            return False
    return got.shape == expected.shape


def batches(count: int | None) -> Iterator[tuple[str, list[Any], int]]:
    """The geometries of each operation, in parts."""
    rng = np.random.default_rng(0)
    for name in operations():
        operation = operation_named(name)
        scope = operation.scopes[0]
        chosen = None
        if count is not None and count < scope.count:
            chosen = set(rng.choice(scope.count, count, replace=False).tolist())
        geometries = [
            each
            for number, each in enumerate(scope.geometries())
            if chosen is None or number in chosen
        ]
        geometries += copies(operation)
        for start in range(0, len(geometries), BATCH):
            yield name, geometries[start : start + BATCH], start


def copies(operation: Operation) -> list[Any]:
    """Small copies of the layers of the built-in sets, and small layers of every family."""
    found = [
        each for each in operation.shrunken_layers if operation.multiplications(each) <= LARGEST
    ]
    shipped = Shipped(
        operation, ("float64",), rng=np.random.default_rng(0), limits=Limits(largest=LARGEST)
    )
    for family in operation.families:
        for _ in range(OF_FAMILY):
            layer = shipped.layer_of(family, frozenset())
            if layer is not None:
                shipped.count(layer)
                found.append(layer)
    return found


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, help="geometries of each scope (default: all)")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    every = [
        each for batch in spread(ask, list(batches(options.count)), options.jobs) for each in batch
    ]
    print(head("operation", "geometries", "differ from loops", "differ from exact sums"))
    for name in operations():
        own = [each for each in every if each.operation == name]
        loops_, sums = (
            sum(bool(getattr(each, which)) for each in own)
            for which in ("from_loops", "from_exact")
        )
        print(row(name, len(own), loops_, sums))
    for each in every:
        if each.from_loops or each.from_exact:
            wrong = dict.fromkeys((*each.from_loops, *each.from_exact))
            print(f"torch: {', '.join(wrong)} in {each.case}")


if __name__ == "__main__":
    main()
