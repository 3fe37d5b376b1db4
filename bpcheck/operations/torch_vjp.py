"""An operation and its vjp as torch computes them, on NumPy arrays, in float64 unless told."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.arithmetic import Array

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
    with torch.enable_grad(), warnings.catch_warnings():
        # torch remarks on the cost of some paths ('same' with even kernels); only values count here.
        warnings.simplefilter("ignore")
        y = forward(tensors, params)
    cotangent = torch.from_numpy(np.array(y_bar, dtype=np.float64, order="C")).to(precision)
    gradients = torch.autograd.grad(y, tuple(tensors.values()), cotangent)
    results = {f"{name}_bar": grad for name, grad in zip(tensors, gradients, strict=True)}
    return {"y": y.detach().numpy()} | {name: grad.numpy() for name, grad in results.items()}
