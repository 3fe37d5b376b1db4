"""The steps by which a plane of a pool's results is computed: the even spread, or the winners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.step import Cells, Step, cells
from bpcheck.operations.windowed.average_divisors import divisor_at
from bpcheck.operations.windowed.pool_formed import said_of_winner, winner_of
from bpcheck.operations.windowed.pooling import PoolGeometry
from bpcheck.operations.windowed.read import cells_of, windows_at

Arrays = Mapping[str, Array]

#: Windows that are gone through one by one.
MOST_WINDOWS = 16


def average_steps(
    geometry: PoolGeometry, result: str, index: tuple[int, ...], arrays: Arrays
) -> Iterator[Step]:
    """Sums and divisors forward; the even spread of each cotangent backward."""
    n, c, *place = index
    divisors = np.zeros(geometry.out)
    total = np.zeros(geometry.out if result == "y" else arrays["x"].shape[2:])
    plane = np.asarray(arrays["x" if result == "y" else "y_bar"][n, c], np.float64)
    for position in np.ndindex(*geometry.out):
        read = tuple(cells_of(geometry.windows, position)[0].T)
        divisors[position] = divisor_at(geometry, position)
        if result == "y":
            total[position] = plane[read].sum() / divisors[position]
        else:
            total[read] += plane[position] / divisors[position]
    of = f"of sample {n}, channel {c}"
    if result == "y":
        yield Step(
            f"y {of}: each window is added up and divided",
            ((f"x[{n},{c}]", plane), ("divided by", divisors)),
            {
                f"x[{n},{c}]": cells(cells_of(geometry.windows, place)[0]),
                "divided by": cells([place]),
            },
        )
        yield Step("the averages", ((f"y[{n},{c}]", total),), {f"y[{n},{c}]": cells([place])})
        return
    sending = cells(windows_at(geometry.windows, place)[0])
    shares = plane / divisors
    yield Step(
        f"x_bar {of}: each window spreads its cotangent evenly, the same to each of its cells; it "
        "does not matter what they hold",
        ((f"y_bar[{n},{c}]", plane), ("divided by", divisors), ("to each cell", shares)),
        {f"y_bar[{n},{c}]": sending, "divided by": sending, "to each cell": sending},
    )
    kept = _kept(float(plane.sum()), float(total.sum()))
    yield Step(
        f"where windows overlap, what they send is added; {kept}",
        ((f"x_bar[{n},{c}]", total),),
        {f"x_bar[{n},{c}]": cells([place])},
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
    n, c, *place = index
    x = np.asarray(arrays["x"][n, c], np.float64)
    y_bar = np.asarray(arrays["y_bar"][n, c], np.float64)
    y, x_bar, lines = np.zeros(geometry.out), np.zeros(x.shape), []
    for position in np.ndindex(*geometry.out):
        read, offsets = cells_of(geometry.windows, position)
        values = x[tuple(read.T)]
        at = winner_of(values)
        winner = tuple(int(i) for i in read[at])
        y[position] = values[at]
        x_bar[winner] += y_bar[position]
        why = said_of_winner(values, offsets)
        gets = "" if result == "y" else f" and gets y_bar[{_spelt(n, c, position)}] = "
        gets += "" if result == "y" else f"{y_bar[position]:g}"
        line = f"window {_place(position)}: x[{_spelt(n, c, winner)}] = {values[at]:g} wins{gets}"
        lines.append(f"{line}{f' ({why})' if why else ''}")
    of = f"{result} of sample {n}, channel {c}"
    given, sent = f"x[{n},{c}]", f"y_bar[{n},{c}]"
    if result == "y":
        what = "the largest cell of each window; its place is recorded"
        window = cells(cells_of(geometry.windows, place)[0])
        yield Step(f"{of}: {what}", ((given, x),), {given: window})
    else:
        what = "the whole cotangent of a window goes to its winner, as recorded, the others get 0"
        marks = {
            given: _around(geometry, place),
            sent: cells(windows_at(geometry.windows, place)[0]),
        }
        yield Step(f"{of}: {what}", ((given, x), (sent, y_bar)), marks)
    for line in lines[:MOST_WINDOWS]:
        yield Step(line)
    if len(lines) > MOST_WINDOWS:
        yield Step(f"and {len(lines) - MOST_WINDOWS:,} more windows")
    if result == "y":
        name = f"y[{n},{c}]"
        yield Step("the maxima", ((name, y),), {name: cells([place])})
    else:
        added = "a cell that wins several windows gets what they hold together"
        name = f"x_bar[{n},{c}]"
        yield Step(added, ((name, x_bar),), {name: cells([place])})


def _around(geometry: PoolGeometry, cell: Sequence[int]) -> Cells:
    """The cells of all windows that read a cell."""
    windows = geometry.windows
    positions = windows_at(windows, cell)[0]
    found = (each for at in positions for each in cells(cells_of(windows, at)[0]))
    return tuple(dict.fromkeys(found))


def _spelt(n: int, c: int, place: Sequence[int]) -> str:
    return ",".join(map(str, (n, c, *place)))


def _place(place: Sequence[int]) -> str:
    spelt = ",".join(map(str, place))
    return spelt if len(place) == 1 else f"({spelt})"
