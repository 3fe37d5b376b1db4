"""Norms: rows, groups or channels less their mean, in units of their spread."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import between, operation, positive

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]

#: Lengths of rows: hidden sizes of models, and what lies beside a tile.
ROWS = range(1, 2049)

EPS = between(1e-6, 1e-2)


@operation("x: *batch c, weight: c?, bias: c?", sizes={"c": ROWS}, params={"eps": EPS})
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float = 1e-5) -> Any:
    """Over the last axis."""
    from torch.nn import functional

    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


@operation("x: *batch c, weight: c?", sizes={"c": ROWS}, params={"eps": EPS})
def rms_norm(x: Any, weight: Any, *, eps: float = 1e-6) -> Any:
    """Over the last axis, without a mean."""
    from torch.nn import functional

    return functional.rms_norm(x, x.shape[-1:], weight, eps)


@operation(
    "x: n (g*c) h w, weight: (g*c)?, bias: (g*c)?",
    sizes={"g": range(1, 33), "c": range(1, 65)},
    params={"num_groups": "g", "eps": EPS},
    # Torch's backward knows no bias without a weight.
    where=lambda has_weight, has_bias: has_weight or not has_bias,
)
def group_norm(x: Any, weight: Any, bias: Any, *, num_groups: int, eps: float = 1e-5) -> Any:
    """Over the channels of a group and the plane."""
    from torch.nn import functional

    return functional.group_norm(x, num_groups, weight, bias, eps)


@operation(
    "x: n c h w, running_mean: c, running_var: c, weight: c?, bias: c?",
    params={"training": [True, False], "eps": EPS},
    where=lambda n, h, w, training, has_weight, has_bias: (
        (not training or n * h * w > 1) and (has_weight or not has_bias)
    ),
    constant=("running_mean", "running_var"),
    draw={"running_var": positive},
)
def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    *,
    training: bool,
    eps: float = 1e-5,
) -> Any:
    """Over samples and the plane in training, by the running statistics else."""
    from torch.nn import functional

    mean, var = running_mean.clone(), running_var.clone()
    return functional.batch_norm(x, mean, var, weight, bias, training, 0.1, eps)


def _norm(weight: int, bias: int, **numbers: int) -> dict[str, int]:
    return {**numbers, "has_weight": weight, "has_bias": bias}


#: 32 groups, as most models have them, of few channels and several; and fewer groups of many.
group_norm.own_landmarks = (
    _norm(1, 1, n=2, g=32, c=2, h=4, w=4),
    _norm(1, 1, n=1, g=32, c=4, h=3, w=5),
    _norm(1, 0, n=3, g=32, c=1, h=5, w=5),
    _norm(0, 0, n=2, g=32, c=2, h=4, w=5),
    _norm(1, 1, n=2, g=8, c=16, h=4, w=4),
    _norm(1, 1, n=2, g=1, c=40, h=7, w=5),
    # Each channel by itself.
    _norm(1, 1, n=2, g=24, c=1, h=9, w=7),
)

#: After a linear layer, which has no plane; more channels than a tile with and without weights.
batch_norm.own_landmarks = tuple(
    _norm(has, has, n=n, c=c, h=h, w=w, training=training)
    for training in (0, 1)
    for n, c, h, w, has in (
        (16, 12, 1, 1, 1),
        (33, 70, 1, 1, 1),
        (3, 72, 3, 4, 0),
        (4, 16, 7, 7, 1),
        (2, 66, 5, 8, 1),
        (40, 3, 2, 3, 1),
    )
)
