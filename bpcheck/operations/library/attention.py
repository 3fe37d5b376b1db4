"""Attention, and the rotation of what it compares."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import masks, operation

__all__ = ["rotary", "scaled_dot_product_attention"]


@operation(
    "query: *batch l e, key: *batch s e, value: *batch s v, attn_mask: l s?",
    sizes={"l": range(1, 66), "s": range(1, 66), "e": range(1, 65), "v": range(1, 65)},
    params={"is_causal": [False, True]},
    where=lambda is_causal, has_attn_mask: not (is_causal and has_attn_mask),
    constant="attn_mask",
    draw={"attn_mask": masks},
)
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool = False
) -> Any:
    """Values, weighted by a softmax of products of queries and keys."""
    from torch.nn import functional

    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attn_mask, is_causal=is_causal
    )


@operation(
    "x: *batch s (2*d), cos: s d, sin: s d",
    sizes={"d": range(1, 65)},
    constant=("cos", "sin"),
)
def rotary(x: Any, cos: Any, sin: Any) -> Any:
    """The two halves of each row turned against each other."""
    import torch

    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
