"""What numbers suggest of code, and nobody but its author can declare."""

from __future__ import annotations

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
    samples = len(y_bar)
    first, second = (call(fit.subject.vjp, went.value[1], y_bar) for _ in range(2))
    if not (first.returned and second.returned):
        return []
    found = []
    for name, value, again in zip(operation.operands, first.value, second.value, strict=True):
        expected = right[f"{name}_bar"]
        if not isinstance(value, np.ndarray) or value.shape != expected.shape:
            continue
        if np.array_equal(value * samples, expected) and expected.any():
            found.append(
                f"{name}_bar is torch's divided by N: declare scaled='1/n' if that is meant"
            )
        if np.array_equal(np.asarray(again), 2 * expected) and expected.any():
            found.append(
                f"{name}_bar of a second backward is twice the first: declare accumulating=true if "
                "that is meant"
            )
    return found
