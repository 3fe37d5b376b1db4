"""What the kernels promise, where bpcheck has no operation of that name or theirs takes less.

Each is torch's own formula. Sizes are small, since an interpreter runs a row at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck import between, operation
from bpcheck.arithmetic import Array
from bpcheck.operations.declared import labels

EPS = between(1e-6, 1e-2)

#: Powers of two and their neighbours, which are where masks of a block go wrong.
COLUMNS = range(1, 130)


@operation("x: n c, weight: c", sizes={"c": COLUMNS}, params={"eps": EPS})
def rms_norm(x: Any, weight: Any, *, eps: float) -> Any:
    """Over the last axis, without a mean."""
    from torch.nn import functional

    return functional.rms_norm(x, x.shape[-1:], weight, eps)


@operation("x: n c, weight: c, bias: c", sizes={"c": COLUMNS}, params={"eps": EPS})
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """Over the last axis."""
    from torch.nn import functional

    return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


@operation(
    "x: n (g*c) w, weight: (g*c), bias: (g*c)",
    sizes={"n": range(1, 4), "g": range(1, 5), "c": range(1, 5), "w": range(1, 34)},
    params={"num_groups": "g", "eps": EPS},
)
def group_norm(x: Any, weight: Any, bias: Any, *, num_groups: int, eps: float) -> Any:
    """Over the channels of a group and their width."""
    from torch.nn import functional

    return functional.group_norm(x, num_groups, weight, bias, eps)


@operation("x: n c", sizes={"c": COLUMNS}, params={"eps": EPS})
def l2_norm(x: Any, *, eps: float) -> Any:
    """Each row over the root of its sum of squares and ``eps``."""
    return x * (x.square().sum(-1, keepdim=True) + eps).rsqrt()


@operation("x: n c, gate: n c, weight: c", sizes={"c": COLUMNS}, params={"eps": EPS})
def gated_rms_norm(x: Any, gate: Any, weight: Any, *, eps: float) -> Any:
    """A norm times a swish."""
    from torch.nn import functional

    return functional.rms_norm(x, x.shape[-1:], weight, eps) * functional.silu(gate)


@operation("x: n c, weight: 3, bias: 1", sizes={"c": COLUMNS}, params={"eps": EPS})
def poly_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """A sum of the norms of the first three powers."""

    def norm(power: Any) -> Any:
        return power * (power.square().mean(-1, keepdim=True) + eps).rsqrt()

    return weight[0] * norm(x**3) + weight[1] * norm(x**2) + weight[2] * norm(x) + bias


@operation("x: n c", sizes={"c": COLUMNS})
def softmax(x: Any) -> Any:
    """Over the last axis."""
    return x.softmax(-1)


@operation("x: n c", sizes={"c": COLUMNS})
def sparsemax(x: Any) -> Any:
    """The nearest point of the simplex."""
    import torch

    ordered = x.sort(-1, descending=True).values
    places = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    size = ((1 + places * ordered) > ordered.cumsum(-1)).sum(-1, keepdim=True)
    threshold = (ordered.cumsum(-1).gather(-1, size - 1) - 1) / size
    return (x - threshold).clamp(min=0)


@operation("gate: n c, x: n c", sizes={"c": COLUMNS})
def swiglu(gate: Any, x: Any) -> Any:
    """``silu(gate) x``."""
    from torch.nn import functional

    return functional.silu(gate) * x


@operation("gate: n c, x: n c", sizes={"c": COLUMNS})
def geglu(gate: Any, x: Any) -> Any:
    """``gelu(gate) x``, by tanh."""
    from torch.nn import functional

    return functional.gelu(gate, approximate="tanh") * x


@operation("gate: n c, x: n c", sizes={"c": COLUMNS})
def sigmoid_glu(gate: Any, x: Any) -> Any:
    """``sigmoid(gate) x``."""
    return gate.sigmoid() * x


@operation("x: n c", sizes={"c": COLUMNS})
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return x.sigmoid()


@operation("x: n c", sizes={"c": COLUMNS})
def silu(x: Any) -> Any:
    """``x sigmoid(x)``."""
    from torch.nn import functional

    return functional.silu(x)


@operation("x: n c", sizes={"c": COLUMNS})
def relu_squared(x: Any) -> Any:
    """``max(x, 0) ** 2``."""
    return x.relu().square()


@operation("x: n c", sizes={"c": COLUMNS}, params={"temperature": [1.0, 2.0]})
def logsigmoid(x: Any, *, temperature: float) -> Any:
    """``log(sigmoid(x)) / temperature``."""
    from torch.nn import functional

    return functional.logsigmoid(x) / temperature


@operation(
    "logits: n c, target: n",
    sizes={"c": COLUMNS},
    params={
        "ignore_index": [-100, 0],
        "reduction": ["mean", "sum", "none"],
        "label_smoothing": [0.0, 0.1],
    },
    draw={"target": labels},
    constant="target",
)
def cross_entropy(
    logits: Any, target: Any, *, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    """Minus the logarithm of the probability of each label."""
    from torch.nn import functional

    return functional.cross_entropy(
        logits,
        target,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


@operation(
    "x: n h, weight: c h, target: n",
    sizes={"h": range(1, 18), "c": range(1, 34)},
    params={"reduction": ["mean", "sum"]},
    draw={"target": labels},
    constant="target",
)
def linear_cross_entropy(x: Any, weight: Any, target: Any, *, reduction: str) -> Any:
    """The loss of ``x weight.T``."""
    from torch.nn import functional

    return functional.cross_entropy(x @ weight.T, target, reduction=reduction)


def log_probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Rows of logarithms whose exponentials add up to 1."""
    drawn = rng.standard_normal(shape)
    top = drawn.max(-1, keepdims=True, initial=0)
    return drawn - top - np.log(np.exp(drawn - top).sum(-1, keepdims=True) + 1e-300)


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Rows of positive numbers that add up to 1."""
    return np.exp(log_probabilities(rng, shape))


@operation(
    "x: n c, target: n c",
    sizes={"c": COLUMNS},
    params={"reduction": ["batchmean", "sum", "mean", "none"]},
    draw={"x": log_probabilities, "target": probabilities},
    constant="target",
)
def kl_div(x: Any, target: Any, *, reduction: str) -> Any:
    """The divergence of ``exp(x)`` from the target."""
    from torch.nn import functional

    return functional.kl_div(x, target, reduction=reduction)


@operation(
    "x: n c, target: n c",
    sizes={"c": COLUMNS},
    params={"beta": [0.0, 0.1, 0.5, 1.0]},
    draw={"x": log_probabilities, "target": log_probabilities},
    constant="target",
)
def jsd(x: Any, target: Any, *, beta: float) -> Any:
    """The generalized Jensen-Shannon divergence, a mean over rows; its ends are the KL's."""
    import torch

    q, p = x.exp(), target.exp()
    if beta == 0:
        return (p * (target - x)).sum() / x.shape[0]
    if beta == 1:
        return (q * (x - target)).sum() / x.shape[0]
    top = torch.maximum(x, target).detach()
    middle = top + (beta * (target - top).exp() + (1 - beta) * (x - top).exp()).log()
    return (beta * p * (target - middle) + (1 - beta) * q * (x - middle)).sum() / x.shape[0]


@operation(
    "x: n c, target: n c",
    sizes={"c": COLUMNS},
    params={"reduction": ["batchmean", "sum", "mean", "none"]},
    draw={"x": probabilities, "target": probabilities},
    constant="target",
)
def total_variation(x: Any, target: Any, *, reduction: str) -> Any:
    """Half of the distance."""
    each = (x - target).abs() / 2
    if reduction == "none":
        return each
    return each.sum() / {"sum": 1, "mean": x.numel(), "batchmean": x.shape[0]}[reduction]


@operation(
    "x: n s h (2*d), cos: s d, sin: s d",
    sizes={"n": range(1, 3), "s": range(1, 9), "h": range(1, 4), "d": range(1, 17)},
    constant=("cos", "sin"),
)
def rotary(x: Any, cos: Any, sin: Any) -> Any:
    """The two halves of each head turned against each other."""
    import torch

    first, second = x.chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


@operation(
    "x: n t d, weight: d w, bias: d?",
    sizes={"n": range(1, 3), "t": range(1, 18), "d": range(1, 18), "w": range(1, 5)},
    params={"activation": [None, "silu"]},
)
def short_convolution(x: Any, weight: Any, bias: Any, *, activation: str | None) -> Any:
    """Each channel by itself, each step of those before it."""
    from torch.nn import functional

    steps = x.shape[1]
    padded = x.transpose(1, 2)
    width = weight.shape[1]
    y = functional.conv1d(padded, weight[:, None], bias, padding=width - 1, groups=len(weight))
    y = y[..., :steps].transpose(1, 2)
    return functional.silu(y) if activation else y


@operation("x: n t d", sizes={"n": range(1, 4), "t": range(1, 18), "d": range(1, 34)})
def token_shift(x: Any) -> Any:
    """The step before less this one."""
    from torch.nn import functional

    return functional.pad(x, (0, 0, 1, -1)) - x


@operation(
    "x: n t h d",
    sizes={"n": range(1, 3), "t": range(1, 18), "h": range(1, 3), "d": range(1, 18)},
    params={"chunk_size": [4, 8]},
)
def mean_pooling(x: Any, *, chunk_size: int) -> Any:
    """The mean of each chunk of steps; the last may be shorter."""
    import torch

    return torch.stack([part.mean(1) for part in x.split(chunk_size, 1)], 1)


HALVES = range(1, 66)


@operation("x: n (2*c)", sizes={"c": HALVES})
def halves_swiglu(x: Any) -> Any:
    """The first half times ``silu`` of the second."""
    from torch.nn import functional

    first, second = x.chunk(2, -1)
    return first * functional.silu(second)


@operation("x: n (2*c)", sizes={"c": HALVES})
def halves_geglu(x: Any) -> Any:
    """The first half times ``gelu`` of the second, by tanh."""
    from torch.nn import functional

    first, second = x.chunk(2, -1)
    return first * functional.gelu(second, approximate="tanh")


@operation("x: n (2*c)", sizes={"c": HALVES})
def halves_reglu(x: Any) -> Any:
    """The first half times ``relu`` of the second."""
    first, second = x.chunk(2, -1)
    return first * second.relu()


@operation("x: n c", sizes={"c": COLUMNS})
def mish(x: Any) -> Any:
    """``x tanh(softplus(x))``."""
    from torch.nn import functional

    return functional.mish(x)


@operation("x: n c", sizes={"c": COLUMNS})
def quick_gelu(x: Any) -> Any:
    """``x sigmoid(1.702 x)``."""
    return x * (1.702 * x).sigmoid()


@operation("x: n c, residual: n c, weight: c", sizes={"c": COLUMNS}, params={"eps": EPS})
def added_rms_norm_and_sum(x: Any, residual: Any, weight: Any, *, eps: float) -> Any:
    """The norm of a sum, and the sum beside it."""
    import torch
    from torch.nn import functional

    total = x + residual
    return torch.cat((functional.rms_norm(total, x.shape[-1:], weight, eps), total), -1)
