"""Products of matrices, and rows of one chosen by number."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import labels, operation
from bpcheck.operations.declared.sizes import leading_numbers

__all__ = ["embedding", "linear", "matmul"]


#: As long as hidden sizes of models, and past blocks of 256 that are added up apart.
WIDE = range(1, 1025)


@operation("x: *batch c, weight: o c, bias: o?", sizes={"c": WIDE, "o": WIDE})
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """``x weight.T + bias``."""
    from torch.nn import functional

    return functional.linear(x, weight, bias)


def _go_together(batch: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether leading axes are broadcast to one another."""
    pairs = zip(reversed(batch), reversed(other), strict=False)
    return all(one == two or 1 in (one, two) for one, two in pairs)


@operation(
    "a: *batch n k, b: *other k m",
    sizes={"n": WIDE, "k": WIDE, "m": WIDE},
    where=_go_together,
)
def matmul(a: Any, b: Any) -> Any:
    """A product for each of the leading axes, which are broadcast to one another."""
    return a @ b


#: One matrix for all samples, or for all heads of each; and one row of samples for many heads.
matmul.own_landmarks = tuple(
    {"n": n, "k": k, "m": m, **leading_numbers("batch", batch), **leading_numbers("other", other)}
    for batch, other, (n, k, m) in (
        ((2, 3), (2, 3), (5, 4, 6)),
        ((5, 7), (), (8, 12, 16)),
        ((3,), (), (65, 33, 17)),
        ((2, 3), (3,), (4, 5, 3)),
        ((2, 3), (2, 1), (7, 8, 9)),
        ((4, 1), (4, 6), (3, 20, 5)),
        ((), (3,), (6, 7, 4)),
        ((1, 5), (3, 1), (4, 4, 4)),
    )
)


@operation(
    "indices: *batch, weight: v d",
    sizes={"v": range(1, 2049), "d": WIDE},
    # The first row is where code ends up that takes any number there is for a 0.
    params={"padding_idx": [None, 0, 2]},
    where=lambda v, padding_idx: padding_idx is None or padding_idx < v,
    constant="indices",
    draw={"indices": labels},
)
def embedding(indices: Any, weight: Any, *, padding_idx: int | None = None) -> Any:
    """A row of the table for each number; the row `padding_idx` gets no gradient."""
    from torch.nn import functional

    return functional.embedding(indices, weight, padding_idx)


#: Rows, features and outputs past a tile of 32 each, with a bias and without.
linear.own_landmarks = (
    {"batch": 2, "batch_0": 2, "batch_1": 33, "c": 40, "o": 36, "has_bias": 1},
    {"batch": 1, "batch_0": 35, "c": 66, "o": 70, "has_bias": 0},
    {"batch": 1, "batch_0": 66, "c": 68, "o": 33, "has_bias": 1},
    {"batch": 1, "batch_0": 5, "c": 300, "o": 7, "has_bias": 1},
    {"batch": 3, "batch_0": 2, "batch_1": 3, "batch_2": 4, "c": 8, "o": 12, "has_bias": 1},
    # More rows than a tile has, and outputs, or features, that are added up in blocks.
    {"batch": 1, "batch_0": 34, "c": 12, "o": 300, "has_bias": 1},
    {"batch": 2, "batch_0": 2, "batch_1": 20, "c": 520, "o": 20, "has_bias": 1},
)

#: Tokens of several samples, in a table past a block of rows, each of whole vectors; and many of
#: which most are repeated.
embedding.own_landmarks = (
    {"batch": 2, "batch_0": 2, "batch_1": 33, "v": 1_100, "d": 16, "padding_idx": 0},
    {"batch": 1, "batch_0": 300, "v": 1_030, "d": 8, "padding_idx": 1},
    {"batch": 2, "batch_0": 3, "batch_1": 90, "v": 40, "d": 64, "padding_idx": 2},
)
