"""The steps by which a plane of a pool's results is computed: the even spread, or the winners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.step import Step
from bpcheck.operations.windowed.average_divisors import divisor_at
from bpcheck.operations.windowed.pool_formed import said_of_winner, winner_of
from bpcheck.operations.windowed.pooling import PoolGeometry
from bpcheck.operations.windowed.read import cells_of

Arrays = Mapping[str, Array]

#: Windows that are gone through one by one.
MOST_WINDOWS = 16


def average_steps(
    geometry: PoolGeometry, result: str, index: tuple[int, ...], arrays: Arrays
) -> Iterator[Step]:
    """Sums and divisors forward; the even spread of each cotangent backward."""
    n, c, *_ = index
    divisors = np.zeros(geometry.out)
    total = np.zeros(geometry.out if result == "y" else arrays["x"].shape[2:])
    plane = np.asarray(arrays["x" if result == "y" else "y_bar"][n, c], np.float64)
    for position in np.ndindex(*geometry.out):
        cells = tuple(cells_of(geometry.windows, position)[0].T)
        divisors[position] = divisor_at(geometry, position)
        if result == "y":
            total[position] = plane[cells].sum() / divisors[position]
        else:
            total[cells] += plane[position] / divisors[position]
    of = f"of sample {n}, channel {c}"
    if result == "y":
        yield Step(
            f"y {of}: each window is added up and divided",
            ((f"x[{n},{c}]", plane), ("divided by", divisors)),
        )
        yield Step("the averages", ((f"y[{n},{c}]", total),))
        return
    shares = plane / divisors
    yield Step(
        f"x_bar {of}: each window spreads its cotangent evenly, the same to each of its cells; it "
        "does not matter what they hold",
        ((f"y_bar[{n},{c}]", plane), ("divided by", divisors), ("to each cell", shares)),
    )
    kept = _kept(float(plane.sum()), float(total.sum()))
    yield Step(
        f"where windows overlap, what they send is added; {kept}", ((f"x_bar[{n},{c}]", total),)
    )


def _kept(sent: float, arrived: float) -> str:
    """Whether the sum of a cotangent arrives."""
    if np.isclose(sent, arrived, rtol=1e-9, atol=0):
        return f"the sum is kept: y_bar adds up to {sent:g}, x_bar to {arrived:g}"
    return (
        f"the sum is not kept: y_bar adds up to {sent:g}, x_bar to {arrived:g}; the divisors are "
        "not the numbers of cells, so padding or the divisor_override takes the rest"
    )


def max_steps(
    geometry: PoolGeometry, result: str, index: tuple[int, ...], arrays: Arrays
) -> Iterator[Step]:
    """The winner of each window, recorded forward, gets the whole cotangent backward."""
    n, c, *_ = index
    x = np.asarray(arrays["x"][n, c], np.float64)
    y_bar = np.asarray(arrays["y_bar"][n, c], np.float64)
    y, x_bar, lines = np.zeros(geometry.out), np.zeros(x.shape), []
    for position in np.ndindex(*geometry.out):
        cells, offsets = cells_of(geometry.windows, position)
        values = x[tuple(cells.T)]
        at = winner_of(values)
        winner = tuple(int(i) for i in cells[at])
        y[position] = values[at]
        x_bar[winner] += y_bar[position]
        why = said_of_winner(values, offsets)
        gets = "" if result == "y" else f" and gets y_bar[{_spelt(n, c, position)}] = "
        gets += "" if result == "y" else f"{y_bar[position]:g}"
        line = f"window {_place(position)}: x[{_spelt(n, c, winner)}] = {values[at]:g} wins{gets}"
        lines.append(f"{line}{f' ({why})' if why else ''}")
    what = "the largest cell of each window; its place is recorded"
    if result != "y":
        what = "the whole cotangent of a window goes to its winner, as recorded, the others get 0"
    yield Step(f"{result} of sample {n}, channel {c}: {what}", ((f"x[{n},{c}]", x),))
    for line in lines[:MOST_WINDOWS]:
        yield Step(line)
    if len(lines) > MOST_WINDOWS:
        yield Step(f"and {len(lines) - MOST_WINDOWS:,} more windows")
    if result == "y":
        yield Step("the maxima", ((f"y[{n},{c}]", y),))
    else:
        added = "a cell that wins several windows gets what they hold together"
        yield Step(added, ((f"x_bar[{n},{c}]", x_bar),))


def _spelt(n: int, c: int, place: Sequence[int]) -> str:
    return ",".join(map(str, (n, c, *place)))


def _place(place: Sequence[int]) -> str:
    spelt = ",".join(map(str, place))
    return spelt if len(place) == 1 else f"({spelt})"
