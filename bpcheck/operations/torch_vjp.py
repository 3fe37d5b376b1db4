"""An operation and its vjp as torch computes them, on NumPy arrays, in float64 unless told."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bpcheck.arithmetic import Array

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
) -> dict[str, Array]:
    """``y`` and one gradient for each operand, by result name, as arrays of `dtype`.

    Parameters
    ----------
    forward
        ``forward(operands, params)`` on tensors.
    operands, y_bar
        Arrays of any floating dtype; they are converted to `dtype`, and never changed.
    """
    import numpy as np
    import torch

    precision = getattr(torch, dtype)
    tensors = {
        # A copy, so that no layout or read-only flag of the case reaches the oracle.
        name: torch.from_numpy(np.array(array, dtype=np.float64, order="C"))
        .to(precision)
        .requires_grad_()
        for name, array in operands.items()
    }
    cotangent = torch.from_numpy(np.array(y_bar, dtype=np.float64, order="C")).to(precision)
    with few_threads(operands), torch.enable_grad(), warnings.catch_warnings():
        # torch remarks on the cost of some paths ('same' with even kernels); only values count here.
        warnings.simplefilter("ignore")
        y = forward(tensors, params)
        gradients = torch.autograd.grad(y, tuple(tensors.values()), cotangent)
    results = {f"{name}_bar": grad for name, grad in zip(tensors, gradients, strict=True)}
    return {"y": y.detach().numpy()} | {name: grad.numpy() for name, grad in results.items()}


@contextlib.contextmanager
def few_threads(operands: Mapping[str, Array]) -> Iterator[None]:
    """One thread for small arrays: on a busy machine waking a second costs far more than it saves."""
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
