"""Thinning: zeros where the format is too narrow for full sums, few enough to keep them exact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcheck.arithmetic import Array, Format
from bpcheck.cases.case import Case

#: Of each channel one entry is kept, however few there should be; so far below one it is given up.
FEWEST = 0.25


def thin(
    case: Case, drawn: Mapping[str, Array], form: Format, rng: np.random.Generator
) -> tuple[dict[str, Array], float]:
    """`drawn` with zeros put into the weights and the cotangent, and the cotangent's density.

    The number of nonzeros in each output channel is halved until the operation on absolute values
    stays within ``2**p`` everywhere, which bounds every partial sum in any order.
    """
    keep = dict.fromkeys(drawn, 1.0)
    thinned = dict(drawn)
    for _ in range(60):
        sums = case.operation.absolute_sums(
            {name: array.astype(np.float64) for name, array in thinned.items()}, case.params
        )
        # A forward keeps half, so that a finite difference may step as far as the values reach.
        limit = min(2.0**form.bits, form.largest)
        excess = {
            result: float(values.max(initial=0)) / (limit / 2 if result == "y" else limit)
            for result, values in sums.items()
        }
        if all(value <= 1 for value in excess.values()):
            break
        # y depends on the operands alone; every gradient is thinned through the cotangent.
        thick = _thick_operand(case, drawn) if excess["y"] > 1 else "y_bar"
        worst = excess["y"] if excess["y"] > 1 else max(excess.values())
        keep[thick] *= max(0.25, 1 / worst) * 0.9
        axis = 1 if thick == "y_bar" else 0
        thinned[thick] = np.where(
            _mask(drawn[thick].shape, keep[thick], axis, rng), drawn[thick], 0
        )
    else:
        raise ArithmeticError(f"{case}: no thinning makes the sums of this case exact")
    y_bar = thinned["y_bar"]
    return thinned, float(np.count_nonzero(y_bar)) / max(1, y_bar.size)


def _thick_operand(case: Case, drawn: Mapping[str, Array]) -> str:
    """The last factor of the longest sum of the forward: the weights if there are any."""
    lattice = case.lattice
    sums = [each for each in lattice.products if each.result == "y"] if lattice else []
    longest = max(sums, key=lambda each: each.terms, default=None)
    return next(iter(drawn)) if longest is None else longest.factors[-1]


def _mask(shape: tuple[int, ...], keep: float, axis: int, rng: np.random.Generator) -> Array:
    """True for the same number of entries, at random places, along each index of `axis`.

    Where one at each index is too many, or there is no such axis, it is so over all entries.
    """
    cells = int(np.prod(shape))
    if axis >= len(shape) or keep * cells < FEWEST * shape[axis]:
        return (rng.permutation(cells) < max(1, int(keep * cells))).reshape(shape)
    channels = shape[axis]
    size = cells // max(1, channels)
    quota = max(1, int(keep * size))
    ranks = rng.permuted(np.tile(np.arange(size), (channels, 1)), axis=1)
    mask = (ranks < quota).reshape(channels, *(n for i, n in enumerate(shape) if i != axis))
    return np.moveaxis(mask, 0, axis)
