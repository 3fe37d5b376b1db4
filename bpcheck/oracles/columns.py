"""Cotangents that show whole columns of a Jacobian, and operands between which every cell wins.

The vjp of a one-hot cotangent is one column of the Jacobian's transpose. Where entries are small
integers many columns travel in one vjp: the cotangent of each output is another power of a base,
and the entries are the digits of what comes back, as the exponent of a prime is read off a number.
Where the operation divides, outputs that share no input travel together instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bpcheck.arithmetic import Array

#: Between neighbouring values of an arrangement: more than twice a step of 1.
GAP = 3


def in_digits(
    shape: tuple[int, ...], largest: int, bits: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Cotangents in which each output has, once, a power of a base of its own, and a random sign.

    Parameters
    ----------
    shape
        Of the cotangent.
    largest
        The largest magnitude of an entry; the base is a power of two beyond twice that, so that
        balanced digits are unique.
    bits
        Significand bits of the dtype: no sum of entries times powers takes more.
    rng
        For the signs, and for which outputs travel together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [abs(y_bar).tolist() for y_bar in in_digits((3,), 3, 9, rng)]
    [[8.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    digit = max(1, (2 * largest).bit_length())
    together = max(1, (bits - 1) // digit)
    outputs = int(np.prod(shape))
    signs = rng.choice([-1.0, 1.0], size=outputs)
    for start in range(0, outputs, together):
        y_bar = np.zeros(outputs)
        chosen = np.arange(start, min(start + together, outputs))
        y_bar[chosen] = signs[chosen] * 2.0 ** (digit * rng.permutation(chosen.size))
        yield y_bar.reshape(shape)


def apart(
    reads: Sequence[NDArray[np.bool_]], shape: tuple[int, ...], unit: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Cotangents of `unit`, of either sign, at outputs of which no two read one element.

    `reads` tell for each operand which output reads which element: ``(outputs, elements)``.
    """
    outputs = int(np.prod(shape))
    counts = [each.astype(np.float32) for each in reads]
    touching = np.logical_or.reduce([(each @ each.T) > 0 for each in counts])
    left = rng.permutation(outputs)
    while left.size:
        taken: list[int] = []
        blocked = np.zeros(outputs, dtype=bool)
        for output in left:
            if not blocked[output]:
                taken.append(output)
                blocked |= touching[output]
        y_bar = np.zeros(outputs)
        y_bar[taken] = unit * rng.choice([-1.0, 1.0], size=len(taken))
        yield y_bar.reshape(shape)
        left = left[~np.isin(left, taken)]


def reading(owners: Array, size: int) -> NDArray[np.bool_]:
    """Which output reads which element, of the owners of all probes: ``(outputs, elements)``."""
    found = np.zeros((int(np.prod(owners.shape[1:])), size), dtype=bool)
    for owner in owners.reshape(len(owners), -1):
        output = np.nonzero(owner >= 0)[0]
        found[output, owner[output]] = True
    return found


def arrangements(
    reads: NDArray[np.bool_], shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[Array]:
    """Operands of distinct integers, until each element was the largest that an output reads.

    Every second one is negative throughout: padding by zeros never wins.
    """
    unmet = reads.copy()
    turn = int(rng.integers(2))
    while unmet.any():
        # What most outputs have still to see is the largest of all: it wins wherever it is read.
        order = np.argsort(unmet.sum(axis=0) + rng.random(unmet.shape[1]))
        rank = np.empty(order.size, dtype=np.int64)
        rank[order] = np.arange(order.size)
        winners = np.where(reads, rank, -1).argmax(axis=1)
        unmet[np.arange(len(unmet)), winners] = False
        lowest = -GAP * (order.size + 1) if turn % 2 else -GAP * (order.size // 2)
        turn += 1
        yield (lowest + GAP * rank.astype(np.float64)).reshape(shape)
