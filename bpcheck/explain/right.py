"""Right kernels to plant faults in: every operation as torch computes it, on NumPy arrays."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.operations import Operation, as_operation
from bpcheck.operations.outputs import joined
from bpcheck.operations.torch_vjp import few_threads, torch_vjp
from bpcheck.subject import Subject


def right_kernel(operation: Operation | str) -> Subject:
    """A subject that computes `operation` in float64 and rounds its results once.

    Examples
    --------
    >>> kernel = right_kernel("avg_pool1d")
    >>> y, residuals = kernel.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> kernel.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    promise = as_operation(operation)

    def forward(*operands: Array | None, **params: Any) -> tuple[Any, Any]:
        import torch

        given = {
            name: array
            for name, array in zip(promise.operands, operands, strict=False)
            if array is not None
        }
        tensors = {name: torch.from_numpy(_plain(array)) for name, array in given.items()}
        with few_threads(given), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = promise.torch_outputs(tensors, params)
        dtype = next(iter(given.values())).dtype
        if isinstance(y, tuple):
            return tuple(_rounded(each.numpy(), dtype) for each in y), (given, params)
        return _rounded(y.numpy(), dtype), (given, params)

    def vjp(residuals: Any, y_bar: Any) -> tuple[Array | None, ...]:
        given, params = residuals
        y_bar = joined(y_bar) if isinstance(y_bar, tuple) else y_bar
        plain = {name: _plain(array) for name, array in given.items()}
        found = torch_vjp(promise.torch_forward, plain, _plain(y_bar), params)
        return tuple(
            _rounded(found[f"{name}_bar"], given[name].dtype) if name in given else None
            for name in promise.operands
        )

    return Subject(
        forward=forward,
        vjp=vjp,
        operation=promise,
        name=f"torch's {promise}",
        dtypes=tuple(FORMATS),
        torch_ties=True,
    )


def _plain(array: Array) -> Array:
    """A copy: torch takes neither negative strides nor memory that must not be written."""
    return np.array(array, np.float64, order="C")


def _rounded(array: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(dtype)
