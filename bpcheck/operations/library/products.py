"""Products of matrices, and rows of one chosen by number."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import labels, operation

__all__ = ["embedding", "linear", "matmul"]


@operation("x: *batch c, weight: o c, bias: o?")
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """``x weight.T + bias``."""
    from torch.nn import functional

    return functional.linear(x, weight, bias)


@operation("a: *batch n k, b: *batch k m")
def matmul(a: Any, b: Any) -> Any:
    """A product for each of the leading axes."""
    return a @ b


@operation(
    "indices: *batch, weight: v d",
    params={"padding_idx": [None, 0]},
    constant="indices",
    draw={"indices": labels},
)
def embedding(indices: Any, weight: Any, *, padding_idx: int | None = None) -> Any:
    """A row of the table for each number; the row `padding_idx` gets no gradient."""
    from torch.nn import functional

    return functional.embedding(indices, weight, padding_idx)
