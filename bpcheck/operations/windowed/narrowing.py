"""Geometries of windows narrowed to what a subject takes: params left out, and claims."""

from __future__ import annotations

from collections.abc import Mapping

from bpcheck.operations.promises import Narrowing, Numbers, Restriction
from bpcheck.operations.windowed import dimensions
from bpcheck.operations.windowed.dimensions import LETTERS


def restrictions(rank: int, *, dilates: bool) -> dict[str, Restriction]:
    """What a subject may claim not to take of a sliding window, by the claim's word."""
    found = {
        "square_kernels": Restriction(
            "kernels of unequal sides",
            holds=lambda g: len({window.k for window in g.windows}) == 1,
            narrow=lambda numbers: _equal(numbers, "k", rank),
        ),
        "equal_strides": Restriction(
            "unequal strides",
            holds=lambda g: len({window.s for window in g.windows}) == 1,
            narrow=lambda numbers: _equal(numbers, "s", rank),
            shows=lambda g: all(window.out > 1 for window in g.windows),
        ),
        "dilation": Restriction(
            "dilation > 1",
            holds=lambda g: all(window.d == 1 for window in g.windows),
            narrow=_setting(dimensions.spell("d", (1,) * rank)),
            shows=lambda g: any(window.d > 1 and window.k > 1 for window in g.windows),
        ),
    }
    if rank == 1:
        # A single side is equal to itself.
        del found["square_kernels"], found["equal_strides"]
    if not dilates:
        del found["dilation"]
    return found


def neutral_numbers(
    rank: int, *, tiles: bool, others: Mapping[str, Mapping[str, int]], dilates: bool
) -> dict[str, Narrowing]:
    """For each param that may be left out: numbers with its neutral value.

    Parameters
    ----------
    rank
        Number of dimensions.
    tiles
        Whether a window moves by its own size where no stride is given, instead of by 1.
    others
        For each param that is not spatial: its key, and the number.
    dilates
        Whether there is a dilation.
    """
    undilated = {"dilation": dimensions.spell("d", (1,) * rank)} if dilates else {}
    return {
        "stride": (lambda numbers: _tiled(numbers, rank))
        if tiles
        else _setting(dimensions.spell("s", (1,) * rank)),
        "padding": lambda numbers: (_unpadded(numbers, rank),),
        **{name: _setting(given) for name, given in {**undilated, **others}.items()},
    }


def _setting(given: Numbers) -> Narrowing:
    return lambda numbers: ({**numbers, **given},)


def _equal(numbers: Numbers, prefix: str, rank: int) -> tuple[dict[str, int], ...]:
    """The smallest of the numbers in every dimension, or the largest."""
    given = dimensions.values(numbers, prefix, rank)
    return tuple(
        _roomy({**numbers, **dimensions.spell(prefix, (one,) * rank)}, rank)
        for one in dict.fromkeys((min(given), max(given)))
    )


def _tiled(numbers: Numbers, rank: int) -> tuple[dict[str, int], ...]:
    """The kernel's size as the stride, or the stride as the kernel's size."""
    strides = dimensions.spell("s", dimensions.values(numbers, "k", rank))
    kernels = dimensions.spell("k", dimensions.values(numbers, "s", rank))
    return {**numbers, **strides}, _roomy({**numbers, **kernels}, rank)


def _roomy(numbers: Numbers, rank: int) -> dict[str, int]:
    """An input that a window of these numbers fits into, without padding too."""
    changed = {**numbers}
    for letter in LETTERS[rank]:
        span = changed.get("d" + letter, 1) * (changed["k" + letter] - 1) + 1
        changed["i" + letter] = max(changed["i" + letter], span)
    return changed


def _unpadded(numbers: Numbers, rank: int) -> dict[str, int]:
    """Cells of the input in the place of the padding, so that the windows still fit."""
    changed = {**numbers}
    for letter in LETTERS[rank]:
        changed["i" + letter] += 2 * changed["p" + letter]
        if changed.get("same"):
            changed["i" + letter] += changed["d" + letter] * (changed["k" + letter] - 1)
        changed["p" + letter] = 0
    return changed | ({"same": 0} if "same" in changed else {})
