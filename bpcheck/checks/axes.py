"""Axes in another order: what a shape that is a permutation of the right one is likely to be."""

from __future__ import annotations

from itertools import permutations


def likely_order(shape: tuple[int, ...], expected: tuple[int, ...], letters: str) -> str:
    """A question that names the order of the axes that `shape` fits; empty where none does.

    Of several orders that fit, the one of channels last is asked for, then the one of filters last,
    then the one that moves fewest axes.

    Parameters
    ----------
    shape, expected
        What was returned, and what is right.
    letters
        A letter for each axis of what is right; where there are none, axes are called by number.

    Examples
    --------
    >>> likely_order((2, 5, 6, 3), (2, 3, 5, 6), "NCHW")
    'NHWC?'
    >>> likely_order((4, 7), (7, 4), "")
    'the axes (1, 0)?'
    >>> likely_order((2, 5, 6), (2, 3, 5, 6), "NCHW")
    ''
    """
    if sorted(shape) != sorted(expected) or shape == expected:
        return ""
    axes = tuple(range(len(expected)))
    customary = [(0, *axes[2:], 1), (*axes[2:], 1, 0)] if len(axes) > 2 else []
    by_moves = sorted(
        permutations(axes), key=lambda order: sum(i != k for k, i in enumerate(order))
    )
    order = next(
        order for order in (*customary, *by_moves) if tuple(expected[i] for i in order) == shape
    )
    if len(letters) != len(axes):
        return f"the axes {order}?"
    return "".join(letters[i] for i in order) + "?"
