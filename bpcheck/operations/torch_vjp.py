"""An operation and its vjp as torch computes them, on NumPy arrays, in float64 unless told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import without_warnings

#: Number of elements from which on several threads are worth their waking.
LARGE = 1_000_000

Forward = Callable[[Mapping[str, Any], dict[str, Any]], Any]


def torch_vjp(
    forward: Forward,
    operands: Mapping[str, Array],
    y_bar: Array,
    params: dict[str, Any],
    *,
    dtype: str = "float64",
    onednn: bool = True,
) -> dict[str, Array]:
    """``y`` and one gradient for each operand, by result name, as arrays of `dtype`.

    Parameters
    ----------
    forward
        ``forward(operands, params)`` on tensors.
    operands, y_bar
        Arrays of any floating dtype; they are converted to `dtype`, and never changed.
    dtype, onednn
        The precision that torch works in, and whether it may use oneDNN's kernels.
    """
    import torch

    precision = getattr(torch, dtype)
    tensors = {name: _tensor(array, precision).requires_grad_() for name, array in operands.items()}
    cotangent = _tensor(y_bar, precision)
    flags = contextlib.nullcontext() if onednn else torch.backends.mkldnn.flags(enabled=False)
    # torch remarks on the cost of some paths ('same' with even kernels); values count here.
    with few_threads(operands), torch.enable_grad(), without_warnings(), flags:
        y = forward(tensors, params)
        gradients = _vjp(y, tuple(tensors.values()), cotangent)
    results = {f"{name}_bar": grad for name, grad in zip(tensors, gradients, strict=True)}
    return {"y": y.detach().numpy()} | {name: grad.numpy() for name, grad in results.items()}


def _vjp(y: Any, leaves: tuple[Any, ...], cotangent: Any) -> tuple[Any, ...]:
    """`torch.autograd.grad` of `y` with this cotangent, bit for bit.

    Handed a cotangent, that function first imports symbolic shapes, for half a second. So it is
    handed a number, whose gradient of `y` is the cotangent.
    """
    import torch

    if y.shape != cotangent.shape:
        raise ValueError(f"y_bar has the shape {tuple(cotangent.shape)}, y has {tuple(y.shape)}")
    return torch.autograd.grad(_number()(y, cotangent), leaves)


@cache
def _number() -> Callable[[Any, Any], Any]:
    """A number that hangs on `y`: its gradient is the cotangent that it is made with."""
    import torch

    class Number(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: Any, cotangent: Any) -> Any:
            ctx.cotangent = cotangent
            return y.new_zeros(())

        @staticmethod
        def backward(ctx: Any, *_: Any) -> Any:
            return ctx.cotangent, None

    return Number.apply


def _tensor(array: Array, precision: Any) -> Any:
    """The array in C order as a tensor; torch only reads it."""
    import torch

    plain = np.ascontiguousarray(array, np.float64).reshape(array.shape)
    return torch.from_numpy(plain if plain.flags.writeable else plain.copy()).to(precision)


@contextlib.contextmanager
def few_threads(operands: Mapping[str, Array]) -> Iterator[None]:
    """One thread for small arrays: waking a second one costs more than it saves."""
    import torch

    before = torch.get_num_threads()
    if before == 1 or max(array.size for array in operands.values()) > LARGE:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
