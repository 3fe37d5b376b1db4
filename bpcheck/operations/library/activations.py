"""Activations: one number in, one number out, and a gated product."""

from __future__ import annotations

from typing import Any

from bpcheck.operations.declared import operation

__all__ = ["gelu", "relu", "sigmoid", "silu", "swiglu", "tanh"]

#: Lengths of rows: hidden sizes of models, past the blocks that kernels take at once.
WIDE = range(1, 2049)


@operation("x: *batch c", sizes={"c": WIDE})
def relu(x: Any) -> Any:
    """``max(x, 0)``."""
    return x.relu()


@operation("x: *batch c", sizes={"c": WIDE}, params={"approximate": ["none", "tanh"]})
def gelu(x: Any, *, approximate: str = "none") -> Any:
    """``x`` times the normal distribution's share below it, by erf or by tanh."""
    from torch.nn import functional

    return functional.gelu(x, approximate=approximate)


@operation("x: *batch c", sizes={"c": WIDE})
def silu(x: Any) -> Any:
    """``x sigmoid(x)``."""
    from torch.nn import functional

    return functional.silu(x)


@operation("x: *batch c", sizes={"c": WIDE})
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return x.sigmoid()


@operation("x: *batch c", sizes={"c": WIDE})
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return x.tanh()


@operation("gate: *batch c, x: *batch c", sizes={"c": WIDE})
def swiglu(gate: Any, x: Any) -> Any:
    """``silu(gate) x``."""
    from torch.nn import functional

    return functional.silu(gate) * x
