"""How an element of a pool's results is formed: winners, ties and NaN told, and divisors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.formed import Formed, Indices
from bpcheck.operations.windowed.average_divisors import divisor_at, said_of_divisor
from bpcheck.operations.windowed.pooling import PoolGeometry
from bpcheck.operations.windowed.read import cells_of, windows_at


def average_formed(geometry: PoolGeometry, result: str, index: tuple[int, ...]) -> Formed:
    """The terms of one element of an average pool's ``y`` or ``x_bar``."""
    n, c, *place = index
    if result == "y":
        cells, offsets = cells_of(geometry.windows, place)
        divisor = divisor_at(geometry, place)
        return Formed(
            head=f"y[{_spelt(index)}] is the average over window {_place(place)}",
            factors={"x": _of_plane(n, c, cells)},
            groups={"cell": offsets},
            divisors=np.full(len(cells), float(divisor)),
            remarks=(said_of_divisor(geometry, place),),
            divisors_instead=_other_divisors(geometry, np.array([place] * len(cells))),
        )
    positions, offsets = windows_at(geometry.windows, place)
    divisors = np.array([float(divisor_at(geometry, each)) for each in positions])
    told = dict.fromkeys(said_of_divisor(geometry, each) for each in positions)
    return Formed(
        head=f"x[{_spelt(index)}] is read by",
        factors={"y_bar": _of_plane(n, c, positions)},
        groups={"window": positions, "as its cell": offsets},
        divisors=divisors,
        remarks=tuple(told)[:2],
        divisors_instead=_other_divisors(geometry, positions),
    )


def _other_divisors(geometry: PoolGeometry, positions: Indices) -> dict[str, Array]:
    """What else people divide by."""
    inside = [len(cells_of(geometry.windows, each)[0]) for each in positions]
    count = len(positions)
    kernel = prod(geometry.kernel)
    return {
        "the same without the division": np.ones(count),
        f"the same divided by the kernel's {kernel}": np.full(count, float(kernel)),
        "the same divided by the number of cells that are no padding": np.array(inside, float),
    }


def max_formed(geometry: PoolGeometry, result: str, index: tuple[int, ...], x: Array) -> Formed:
    """The candidates of one element of a max pool's ``y``, or the windows that send to ``x_bar``.

    The first of equals wins, and the last NaN of a window, as in torch.
    """
    n, c, *place = index
    plane = np.asarray(x, np.float64)[n, c]
    if result == "y":
        cells, offsets = cells_of(geometry.windows, place)
        values = plane[tuple(cells.T)]
        return Formed(
            head=f"y[{_spelt(index)}] is the largest in window {_place(place)}",
            factors={"x": _of_plane(n, c, cells)},
            groups={"cell": offsets},
            picked=winner_of(values),
            remarks=tuple(filter(None, [said_of_winner(values, offsets)])),
        )
    positions, offsets = windows_at(geometry.windows, place)
    return _to_cell(geometry, index, plane, positions, offsets)


def _to_cell(
    geometry: PoolGeometry,
    index: tuple[int, ...],
    plane: Array,
    positions: Indices,
    offsets: Indices,
) -> Formed:
    """The windows that read a cell; those count of which it is the winner."""
    n, c, *place = index
    own = plane[tuple(place)]
    counts, equals, last, notes = [], [], [], {}
    for number, position in enumerate(positions):
        cells, inside = cells_of(geometry.windows, position)
        values = plane[tuple(cells.T)]
        winner = winner_of(values)
        counts.append(bool((cells[winner] == place).all()))
        tied = _equal(values, values[winner])
        equals.append(bool(_equal(own, values[winner])))
        last.append(bool((cells[np.nonzero(tied)[0][-1]] == place).all()))
        won = _spelt((n, c, *cells[winner].tolist()))
        remark = said_of_winner(values, inside)
        beaten = "" if counts[-1] else f"won by x[{won}] = {values[winner]:g}, so it sends 0"
        notes[number] = "; ".join(filter(None, ["wins it" if counts[-1] else beaten, remark]))
    return Formed(
        head=f"x[{_spelt(index)}] = {own:g} is read by",
        factors={"y_bar": _of_plane(n, c, positions)},
        groups={"window": positions, "as its cell": offsets},
        divisors=_or_never(counts),
        notes=notes,
        divisors_instead={
            "what all the windows that read it hold, also those that another cell wins": np.ones(
                len(counts)
            ),
            "what all the windows hold of which it is one of equal winners": _or_never(equals),
            "what it would get if the last of equals won": _or_never(last),
        },
    )


def winner_of(values: Array) -> int:
    """The number of the cell that torch's max pool takes: the last NaN, else the first largest."""
    spoilt = np.nonzero(np.isnan(values))[0]
    return int(spoilt[-1]) if len(spoilt) else int(values.argmax())


def said_of_winner(values: Array, offsets: Indices) -> str:
    """What decides where several could win; empty where one alone does."""
    winner = winner_of(values)
    equal = _equal(values, values[winner])
    if equal.sum() < 2:
        return ""
    places = " and ".join(_place(offsets[at]) for at in np.nonzero(equal)[0][:3])
    kind = "are NaN: the last" if np.isnan(values[winner]) else "tie: the first"
    more = int(equal.sum()) - 3
    return f"its cells {places}{f' and {more} more' if more > 0 else ''} {kind} wins"


def _equal(values: Array | float, to: float) -> Array:
    both: Array = (np.asarray(values) == to) | (np.isnan(values) & np.isnan(to))
    return both


def _or_never(counts: Sequence[bool]) -> Array:
    return np.where(np.array(counts, bool), 1.0, np.inf)


def _of_plane(n: int, c: int, cells: Indices) -> Indices:
    return np.hstack([np.full((len(cells), 1), n), np.full((len(cells), 1), c), cells])


def _spelt(index: Sequence[int]) -> str:
    return ",".join(str(int(each)) for each in index)


def _place(position: Sequence[int]) -> str:
    return _spelt(position) if len(position) == 1 else f"({_spelt(position)})"
