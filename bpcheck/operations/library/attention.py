"""Attention, and the rotation of what it compares."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.declared import masks, operation

__all__ = ["rotary", "scaled_dot_product_attention"]


#: Queries and keys up to here have scores of a few hundred: some kernels keep the logarithm of a
#: sum of exponentials, and are off by a part of the largest score where others are not.
LARGEST = 6.0


def _moderate(values: Array) -> Array:
    return np.clip(values.astype(np.float64), -LARGEST, LARGEST)


@operation(
    "query: *batch l e, key: *batch s e, value: *batch s v, attn_mask: l s?",
    # Blocks of queries and keys are 64 or 128 long.
    sizes={"l": range(1, 300), "s": range(1, 300), "e": range(1, 65), "v": range(1, 65)},
    params={"is_causal": [False, True]},
    where=lambda is_causal, has_attn_mask: not (is_causal and has_attn_mask),
    constant="attn_mask",
    draw={"attn_mask": masks, "query": _moderate, "key": _moderate},
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
    # As long as a context: tables of angles are read by rows.
    sizes={"s": range(1, 513), "d": range(1, 65)},
    constant=("cos", "sin"),
)
def rotary(x: Any, cos: Any, sin: Any) -> Any:
    """The two halves of each row turned against each other."""
    import torch

    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


#: Queries, keys, the width of heads, and whether it is causal: as models have it, in prefill and
#: when one token is added, past blocks of 16, 64 and 128, ragged too, with more queries than keys.
_USUAL = (
    (16, 16, 16, 0),
    (17, 21, 16, 1),
    (33, 40, 32, 1),
    (65, 66, 32, 0),
    (66, 66, 8, 1),
    (70, 65, 8, 1),
    (65, 131, 8, 1),
    (40, 40, 64, 1),
    (1, 40, 64, 0),
    (1, 131, 16, 0),
    (129, 130, 4, 0),
    # A single key behind the last whole block.
    (34, 65, 16, 0),
    (20, 129, 8, 0),
)

scaled_dot_product_attention.own_landmarks = tuple(
    {
        "batch": 2,
        "batch_0": 2,
        "batch_1": 2 - place % 2,
        "l": queries,
        "s": keys,
        "e": width,
        "v": width,
        "is_causal": causal,
    }
    for place, (queries, keys, width, causal) in enumerate(_USUAL)
)
