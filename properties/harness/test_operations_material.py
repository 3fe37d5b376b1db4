"""The catalogue of faults in other operations: right kernels are torch's, wrong ones differ."""

from __future__ import annotations

import inspect
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch

from benchmarks.operations_material import FAULTS, OPERATIONS, Fault, Operation
from benchmarks.operations_material.base import Forward, Vjp

# It gives these no types.
finfo: Any = ml_dtypes.finfo

NARROW = {"bfloat16": np.dtype(ml_dtypes.bfloat16), "float32": np.dtype("float32")}


def is_real(operand: Any) -> bool:
    return operand is not None and operand.dtype.kind == "f"


def in_dtype(operands: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    dtype = NARROW.get(name, np.dtype("float64"))
    return tuple(each.astype(dtype) if is_real(each) else each for each in operands)


def cotangent(y: Any) -> Any:
    """One like y, or for each of several results."""
    if isinstance(y, tuple):
        return tuple(map(cotangent, y))
    # Ones, where many are added up: sums in a narrow type lose them.
    if y.size >= 500:
        return np.ones_like(y)
    return np.random.default_rng(y.size).uniform(0.5, 2, y.shape).astype(y.dtype)


def results(forward: Forward, vjp: Vjp, operands: tuple[Any, ...], params: Any) -> list[Any]:
    """All results of a forward, and the gradients."""
    y, residuals = forward(*operands, **params)
    bars = vjp(residuals, cotangent(y))
    return [*(y if isinstance(y, tuple) else (y,)), *bars]


def by_torch(operation: Operation, operands: tuple[Any, ...], params: Any) -> list[Any]:
    names = [
        name
        for name, each in inspect.signature(operation.reference).parameters.items()
        if each.kind is not each.KEYWORD_ONLY
    ]
    tensors = [None if each is None else torch.tensor(each) for each in operands]
    varied = [
        tensor.requires_grad_() if name not in operation.constant and is_real(each) else None
        for name, each, tensor in zip(names, operands, tensors, strict=False)
        if tensor is not None
    ]
    leaves = [each for each in varied if each is not None]
    y = operation.reference(*tensors, **params)
    each_y = y if isinstance(y, tuple) else (y,)
    # Further results, such as running statistics, have no gradient.
    first = each_y[0]
    y_bar = cotangent(tuple(one.detach().numpy() for one in each_y))[0]
    bars = torch.autograd.grad(first, leaves, torch.tensor(y_bar))
    return [*(one.detach().numpy() for one in each_y), *(bar.numpy() for bar in bars)]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_right_kernel_equals_torch_in_float64(operation: Operation) -> None:
    for operands, params in operation.examples():
        got = results(operation.forward, operation.vjp, operands, params)
        expected = by_torch(operation, operands, params)
        for one, exact in zip([each for each in got if each is not None], expected, strict=True):
            assert one.dtype == np.float64
            assert one.shape == exact.shape
            # Sums of at most 600 terms in another order, of numbers that a mean of 1000 has rounded
            # a thousand times as much.
            u = np.finfo(np.float64).eps / 2
            bound = 2 * 600 * u * 1000 * max(1.0, np.abs(exact).max(initial=0))
            assert (np.abs(one - exact) <= bound).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_right_kernel_keeps_narrow_dtypes(operation: Operation, dtype: str) -> None:
    operands, params = operation.examples()[0]
    got = results(operation.forward, operation.vjp, in_dtype(operands, dtype), params)
    assert {each.dtype for each in got if each is not None} == {NARROW[dtype]}


def differ(wrong: Any, right: Any) -> bool:
    """Whether two results differ by more than rounding: by 32 units of the largest number."""
    if (wrong is None) != (right is None):
        return True
    if right is None:
        return False
    if wrong.shape != right.shape:
        return True
    unit = float(finfo(right.dtype).eps)
    got, expected = wrong.astype(np.float64), right.astype(np.float64)
    limit = 32 * unit * np.abs(expected).max(initial=0)
    return not bool((np.abs(got - expected) <= limit).all())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_wrong_kernel_differs_from_the_right_one_on_a_plain_case(fault: Fault) -> None:
    operation = OPERATIONS[fault.operation]
    shows = []
    for example, params in operation.examples():
        operands = in_dtype(example, fault.dtype)
        right = results(operation.forward, operation.vjp, operands, params)
        y, residuals = fault.forward(*operands, **params)
        if isinstance(y, np.ndarray) and y.shape != right[0].shape:
            shows.append(True)
            continue
        bars = fault.vjp(residuals, cotangent(y))
        wrong = [*(y if isinstance(y, tuple) else (y,)), *bars]
        shows.append(any(map(differ, wrong, right)))
    assert any(shows)


def test_each_fault_has_a_name_a_reason_and_a_page() -> None:
    assert len(FAULTS) >= 60
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert fault.source.startswith("https://github.com/")
        assert fault.why


def test_each_operation_has_a_fault() -> None:
    assert {fault.operation for fault in FAULTS.values()} == set(OPERATIONS)
