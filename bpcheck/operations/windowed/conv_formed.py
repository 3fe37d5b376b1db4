"""How an element of a convolution's results is formed: windows, weights, cotangents."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcheck.operations.formed import Formed, Indices
from bpcheck.operations.windowed.conv_geometry import ConvGeometry
from bpcheck.operations.windowed.read import (
    cells_of,
    column,
    product,
    windows_at,
    windows_with,
)


def conv_formed(geometry: ConvGeometry, result: str, index: tuple[int, ...]) -> Formed:
    """The terms of one element of ``y``, ``x_bar``, ``w_bar`` or ``b_bar``."""
    return _FORMED[result](geometry, index)


def _y(geometry: ConvGeometry, index: tuple[int, ...]) -> Formed:
    n, o, *position = index
    first = _first_input(geometry, o)
    channels = range(geometry.ic // geometry.g)
    cells, offsets = cells_of(geometry.windows, position)
    inside, cell = product(column(channels), cells)
    offset = product(column(channels), offsets)[1]
    ones = np.ones_like(inside)
    factors = {
        "w": np.hstack([o * ones, inside, offset]),
        "x": np.hstack([n * ones, first + inside, cell]),
    }
    outside = prod(geometry.kernel) - len(cells)
    padded = f"{outside} of the window's {prod(geometry.kernel)} cells are padding, which adds 0"
    return Formed(
        head=f"y[{_spelt(index)}] is window {_place(position)}, through the weights of output "
        f"channel {o}",
        factors=factors,
        groups={"input channel": first + inside, "cell": offset},
        plus=(("b", (o,)),) if geometry.bias else (),
        remarks=(padded,) if outside else (),
        factors_instead=_with_turned(
            factors, geometry, "what the kernel gives when it is turned by 180 degrees"
        ),
    )


def _x_bar(geometry: ConvGeometry, index: tuple[int, ...]) -> Formed:
    n, c, *cell = index
    group, inside = divmod(c, geometry.ic // geometry.g)
    each = geometry.oc // geometry.g
    positions, offsets = windows_at(geometry.windows, cell)
    outputs = column(range(group * each, (group + 1) * each))
    o, position = product(outputs, positions)
    offset = product(outputs, offsets)[1]
    ones = np.ones_like(o)
    factors = {
        "w": np.hstack([o, inside * ones, offset]),
        "y_bar": np.hstack([n * ones, o, position]),
    }
    return Formed(
        head=f"x[{_spelt(index)}] is read by",
        factors=factors,
        groups={"output channel": o, "window": position, "as its cell": offset},
        factors_instead=_with_turned(
            factors, geometry, "what the weights give when they are read from the other end"
        ),
    )


def _w_bar(geometry: ConvGeometry, index: tuple[int, ...]) -> Formed:
    o, inside, *offset = index
    positions, cells = windows_with(geometry.windows, offset)
    samples = column(range(geometry.n))
    n, position = product(samples, positions)
    cell = product(samples, cells)[1]
    ones = np.ones_like(n)
    whole = prod(geometry.out)
    remarks: tuple[str, ...] = ()
    if len(positions) < whole:
        told = f"in {whole - len(positions)} of {whole} windows it lies on padding, which adds 0"
        remarks = (told,)
    return Formed(
        head=f"w[{_spelt(index)}] multiplies",
        factors={
            "x": np.hstack([n, (_first_input(geometry, o) + inside) * ones, cell]),
            "y_bar": np.hstack([n, o * ones, position]),
        },
        groups={"sample": n, "window": position},
        remarks=remarks,
    )


def _b_bar(geometry: ConvGeometry, index: tuple[int, ...]) -> Formed:
    (o,) = index
    positions = np.argwhere(np.ones(geometry.out, bool))
    n, position = product(column(range(geometry.n)), positions)
    return Formed(
        head=f"b[{o}] is added in",
        factors={"y_bar": np.hstack([n, np.full_like(n, o), position])},
        groups={"sample": n, "window": position},
    )


def _first_input(geometry: ConvGeometry, output: int) -> int:
    """The first input channel that an output channel reads."""
    group = output // (geometry.oc // geometry.g)
    return group * (geometry.ic // geometry.g)


def _with_turned(
    factors: dict[str, Indices], geometry: ConvGeometry, told: str
) -> dict[str, dict[str, Indices]]:
    turned = factors["w"].copy()
    turned[:, 2:] = np.array(geometry.kernel) - 1 - turned[:, 2:]
    return {told: {**factors, "w": turned}}


def _spelt(index: tuple[int, ...]) -> str:
    return ",".join(map(str, index))


def _place(position: list[int]) -> str:
    spelt = ",".join(map(str, position))
    return spelt if len(position) == 1 else f"({spelt})"


_FORMED = {"y": _y, "x_bar": _x_bar, "w_bar": _w_bar, "b_bar": _b_bar}
