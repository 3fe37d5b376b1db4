"""The operations declared, so that bpcheck judges kernels of them."""

from __future__ import annotations

from typing import Any

import bpcheck
from benchmarks.operations_material import Operation

between, each, labels, masks, positive = (
    bpcheck.between,
    bpcheck.each,
    bpcheck.labels,
    bpcheck.masks,
    bpcheck.positive,
)

_SOME = range(1, 8)


def _fits(h: int, w: int, kernel_size: Any, dilation: Any, padding: Any) -> bool:
    """Whether a window fits into the padded plane."""
    sizes = zip((h, w), kernel_size, dilation, padding, strict=True)
    return all(size + 2 * pad >= d * (k - 1) + 1 for size, k, d, pad in sizes)


def _written(
    h: int, w: int, kh: int, kw: int, stride: Any, padding: Any, dilation: Any, output_padding: Any
) -> bool:
    """Whether a transposed convolution leaves an output, and its output padding is allowed."""
    lines = zip((h, w), (kh, kw), stride, padding, dilation, output_padding, strict=True)
    return all(
        o < max(s, d) and (i - 1) * s - 2 * p + d * (k - 1) + o + 1 > 0
        for i, k, s, p, d, o in lines
    )


DECLARATIONS: dict[str, dict[str, Any]] = {
    "layer_norm": {
        "operands": "x: *batch c, weight: c?, bias: c?",
        "sizes": {"c": range(1, 2049)},
        "params": {"eps": between(1e-6, 1e-2)},
    },
    "rms_norm": {
        "operands": "x: *batch c, weight: c?",
        "sizes": {"c": range(1, 2049)},
        "params": {"eps": between(1e-6, 1e-2)},
    },
    "batch_norm": {
        "operands": "x: n c size, weight: c, bias: c, running_mean: c, running_var: c",
        "params": {
            "training": [True, False],
            "momentum": between(0.01, 0.9),
            "eps": between(1e-6, 1e-2),
        },
        "where": lambda n, size, training: not training or n * size > 1,
        "draw": {"running_var": positive},
    },
    "group_norm": {
        "operands": "x: n (g*ci) size, weight: (g*ci), bias: (g*ci)",
        "sizes": {"g": range(1, 7), "ci": range(1, 17)},
        "params": {"groups": "g", "eps": between(1e-6, 1e-2)},
        "where": lambda ci, size: ci * size > 1,
    },
    "softmax": {"operands": "x: *batch c", "sizes": {"c": range(1, 2049)}},
    "log_softmax": {"operands": "x: *batch c", "sizes": {"c": range(1, 2049)}},
    "cross_entropy": {
        "operands": "logits: n c, target: n, weight: c?",
        "params": {
            "ignore_index": [-100, 0],
            "reduction": ["mean", "sum", "none"],
            "label_smoothing": [0.0, 0.25],
        },
        "draw": {"target": labels, "weight": positive},
    },
    "attention": {
        "operands": "query: *batch l e, key: *batch s e, value: *batch s v, mask: l s?",
        "params": {"is_causal": [False, True]},
        "where": lambda is_causal, has_mask: not (is_causal and has_mask),
        "draw": {"mask": masks},
    },
    "dropout": {
        "operands": "x: *batch c, keep: *batch c",
        "params": {"p": between(0.1, 0.9)},
        "draw": {"keep": masks},
    },
    "gelu": {"operands": "x: *batch c", "params": {"approximate": ["none", "tanh"]}},
    "silu": {"operands": "x: *batch c"},
    "sigmoid": {"operands": "x: *batch c"},
    "tanh": {"operands": "x: *batch c"},
    "swiglu": {"operands": "gate: *batch c, up: *batch c"},
    "rotary": {"operands": "x: *batch l (2*h), cos: l (2*h), sin: l (2*h)"},
    "linear": {"operands": "x: *batch i, weight: o i, bias: o?"},
    "matmul": {"operands": "a: *batch m k, b: k n"},
    "embedding": {
        "operands": "index: *batch n, weight: v d",
        "params": {"padding_idx": [None, 0]},
        "draw": {"index": labels},
    },
    "conv_transpose2d": {
        "operands": "x: n (g*ci) h w, weight: (g*ci) co kh kw, bias: (g*co)?",
        "sizes": {
            "n": range(4), "g": range(1, 4), "ci": _SOME, "co": _SOME, "h": range(1, 13),
            "w": range(1, 13), "kh": range(1, 5), "kw": range(1, 5),
        },
        "params": {
            "stride": each(range(1, 4), 2),
            "padding": each(range(3), 2),
            "output_padding": each(range(3), 2),
            "groups": "g",
            "dilation": each(range(1, 4), 2),
        },
        "where": _written,
    },
    "adaptive_avg_pool1d": {
        "operands": "x: n c l",
        "params": {"output_size": range(1, 9)},
    },
    "adaptive_max_pool1d": {
        "operands": "x: n c l",
        "params": {"output_size": range(1, 9)},
    },
    "unfold": {
        "operands": "x: n c h w",
        "sizes": {"n": range(4), "c": _SOME, "h": range(1, 17), "w": range(1, 17)},
        "params": {
            "kernel_size": each(range(1, 4), 2),
            "dilation": each(range(1, 3), 2),
            "padding": each(range(3), 2),
            "stride": each(range(1, 4), 2),
        },
        "where": _fits,
    },
    "upsample_nearest1d": {"operands": "x: n c l", "params": {"size": range(1, 41)}},
    "upsample_linear1d": {
        "operands": "x: n c l",
        "params": {"size": range(1, 41), "align_corners": [False, True]},
    },
}  # fmt: skip


def declared(operation: Operation) -> Any:
    """The operation as bpcheck knows it."""
    words = DECLARATIONS[operation.name]
    function = bpcheck.operation(**words, constant=operation.constant, name=operation.name)
    return function(operation.reference)
