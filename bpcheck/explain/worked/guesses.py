"""What a wrong number could be, by the arithmetic: a share alone, a factor, a neighbour's, ...

A guess is a text and a number that it predicts. It says the same of another case with the same
shapes, where it predicts another number: what is told is what held in all cases that were tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpcheck.explain.worked.look import Look
from bpcheck.explain.worked.numbers import place
from bpcheck.operations.formed import Formed

Guess = tuple[str, float]

#: Groups of terms that are told apart at most.
MOST_SHARES = 12

#: Integers by which a number may be too large or too small.
FACTORS = (*range(2, 17), 25, 27, 32, 64)

_TIMES = {2: "twice that", 3: "three times that"}
_PARTS = {2: "half of that", 3: "a third of that", 4: "a quarter of that"}


def guesses(look: Look) -> Iterator[Guess]:
    """Every guess, the plainest first."""
    yield "as if nothing reached it", 0.0
    if look.formed is not None and len(look.formed):
        yield from _shares(look, look.formed)
        yield from _instead(look, look.formed)
    yield from _multiples(look.expected)
    yield from _elsewhere(look)


def _shares(look: Look, formed: Formed) -> Iterator[Guess]:
    """One share alone, or all but one; of a maximum, another candidate."""
    shares, added = formed.shares(look.arrays), formed.added(look.arrays)
    if formed.picked is not None:
        yield from _other_candidates(formed, shares)
        return
    for name, numbers in formed.groups.items():
        if name == "as its cell":
            continue
        rows = np.unique(numbers, axis=0)
        if not 1 < len(rows) <= MOST_SHARES:
            continue
        for row in rows:
            own = (numbers == row).all(axis=1)
            what = _of(look, name, row.tolist())
            if own[formed.counts].any():
                yield f"the share of {what} alone", float(shares[own].sum())
            if len(rows) > 2:
                rest = float(shares[~own].sum() + added.sum())
                yield f"all but the share of {what}", rest
    for (name, index), value in zip(formed.plus, added, strict=True):
        yield f"the same without {look.element(name, index)}", float(shares.sum())
        yield f"the same with {look.element(name, index)} twice", float(shares.sum() + 2 * value)


def _of(look: Look, name: str, row: Sequence[int]) -> str:
    return look.element("y", row) if name == "y" else f"{name} {place(row)}"


def _other_candidates(formed: Formed, values: np.ndarray) -> Iterator[Guess]:
    for cell, value in zip(formed.groups["cell"][:MOST_SHARES], values, strict=False):
        yield f"what its cell {place(cell)} holds", float(value)
    yield "the smallest of them", float(values.min())
    yield "their average", float(values.mean())
    yield "the largest magnitude", float(np.abs(values).max())


def _instead(look: Look, formed: Formed) -> Iterator[Guess]:
    """What usual mistakes make of the same terms."""
    added = float(formed.added(look.arrays).sum())
    for told, divisors in formed.divisors_instead.items():
        yield told, float(formed.shares(look.arrays, divisors=divisors).sum()) + added
    for told, factors in formed.factors_instead.items():
        yield told, float(formed.shares(look.arrays, factors=factors).sum()) + added


def _multiples(expected: float) -> Iterator[Guess]:
    yield "that with the sign turned", -expected
    yield "its magnitude, without the sign", abs(expected)
    for times in FACTORS:
        more = _TIMES.get(times, f"{times} times that")
        less = _PARTS.get(times, f"that divided by {times}")
        yield more, times * expected
        yield less, expected / times
        yield f"{more}, with the sign turned", -times * expected


def _elsewhere(look: Look) -> Iterator[Guess]:
    """What belongs to another element of the same result."""
    values, index = look.right[look.result], look.index
    others: dict[tuple[int, ...], str] = {}
    if values.ndim >= 2 and index[-1] != index[-2]:
        others[(*index[:-2], index[-1], index[-2])] = ", with rows and columns exchanged"
    if values.ndim > 2:
        turned = tuple(n - 1 - i for n, i in zip(values.shape[2:], index[2:], strict=True))
        # One element may be both: nothing tells then which it is.
        both = (*index[:2], *turned) in others
        others[(*index[:2], *turned)] = "" if both else ", read from the other end"
    for axis in range(values.ndim):
        for step in (-1, 1):
            moved = list(index)
            moved[axis] += step
            others.setdefault(tuple(moved), ", its neighbour")
    for other, what in others.items():
        inside = all(0 <= i < n for i, n in zip(other, values.shape, strict=True))
        if inside and other != index:
            yield f"what belongs to {look.element(look.result, other)}{what}", float(values[other])
