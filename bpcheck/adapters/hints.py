"""What numbers suggest of code, and nobody but its author can declare."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.adapters.fitting import Fit, numbers_for
from bpcheck.calls import call
from bpcheck.operations import Operation
from bpcheck.operations.torch_vjp import torch_vjp


def hints(fit: Fit, operation: Operation) -> list[str]:
    """What numbers suggest and nobody but the author can declare."""
    if fit.subject is None or not fit.back:
        return []
    geometry = operation.geometry(operation.shape_probes[0])
    operands, y_bar = numbers_for(operation, geometry)
    params = operation.params(geometry)
    right = torch_vjp(operation.torch_forward, operands, y_bar, params)
    given = [operands.get(name) for name in operation.operands]
    went = call(fit.subject.forward, *given, **fit.subject.accepted(params))
    if not went.returned:
        return []
    wide = call(fit.subject.forward, *map(_narrow, given), **fit.subject.accepted(params))
    samples = len(y_bar)
    # What a second backward adds to may be what the first has returned.
    first = copy.deepcopy(call(fit.subject.vjp, went.value[1], y_bar))
    second = call(fit.subject.vjp, went.value[1], y_bar)
    if not (first.returned and second.returned):
        return []
    found = list(_of_dtype(y=went.value[0], **_named(operation, first.value)))
    if wide.returned and getattr(wide.value[0], "dtype", None) == np.float64:
        found.append("y is float64 where the operands are float32: declare dtype=float64 if meant")
    for name, value, again in zip(operation.operands, first.value, second.value, strict=True):
        expected = right[f"{name}_bar"]
        if not isinstance(value, np.ndarray) or value.shape != expected.shape:
            continue
        if np.array_equal(value * samples, expected) and expected.any():
            found.append(
                f"{name}_bar is torch's divided by N: declare scaled='1/n' if that is meant"
            )
        # Of its own first, right or wrong.
        is_twice = np.array_equal(again, 2 * value) and value.any()
        if is_twice and not fit.subject.claims.single_use:
            found.append(
                f"{name}_bar of a second backward is twice the first: declare accumulating=true if "
                "that is meant"
            )
    return found


def _named(operation: Operation, gradients: Any) -> dict[str, Any]:
    return {f"{name}_bar": each for name, each in zip(operation.operands, gradients, strict=True)}


def _of_dtype(**results: Any) -> Iterator[str]:
    """What is of another dtype than the operands, which are of float64."""
    for name, value in results.items():
        if isinstance(value, np.ndarray) and value.dtype != np.float64:
            yield (
                f"{name} is {value.dtype} where the operands are float64: declare "
                f"dtype={value.dtype} if that is meant"
            )
            return


def _narrow(operand: Any) -> Any:
    return None if operand is None else operand.astype(np.float32)
