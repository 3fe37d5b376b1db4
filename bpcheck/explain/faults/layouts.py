"""Layouts that are assumed: what a kernel reads that takes every array for C-ordered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import handed, is_read, is_writeable
from bpcheck.explain.faults.fault import AVG_POOL, CONV, EVERY, Fault
from bpcheck.explain.faults.run import Plant, Run, planted, rewired
from bpcheck.subject import Subject

CHECKS = ("layouts", "autograd")


def _owner(array: Array) -> Array:
    """The array whose memory `array` looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def as_if_contiguous(array: Array) -> Array:
    """What a kernel reads that takes the pointer of `array` for that of a C-ordered array.

    Past the end of the memory that the array looks at, it reads zeros.

    Examples
    --------
    >>> a = np.arange(6.0).reshape(2, 3)
    >>> as_if_contiguous(a.T).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> as_if_contiguous(a[:, 1:]).ravel().tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if array.flags.c_contiguous or array.size == 0:
        return array
    owner = _owner(array)
    flat = owner.ravel(order="K")
    if not np.shares_memory(flat, owner):
        # Not one block of memory: nothing sensible can be read from it.
        return np.zeros_like(array, order="C")
    start = array.__array_interface__["data"][0] - flat.__array_interface__["data"][0]
    memory = flat.view(np.uint8)[start:]
    wanted = array.size * array.itemsize
    read = np.zeros(wanted, np.uint8)
    read[: min(wanted, memory.size)] = memory[:wanted]
    return read.view(array.dtype).reshape(array.shape)


def _in_last_dimension(array: Array) -> Array:
    """What is read with the right start of each plane, and with stride 1 along the last axis."""
    if array.size == 0 or array.strides[-1] == array.itemsize or array.shape[-1] == 1:
        return array
    return as_if_contiguous(array)


def _operand_raw(name: str) -> Plant:
    def spoiled(run: Run) -> Run:
        return run.once_more(**{name: as_if_contiguous(run.operands[name])})

    return planted(
        x_bar=lambda run, y_bar, bar: spoiled(run).bars(y_bar)["x_bar"],
        w_bar=lambda run, y_bar, bar: spoiled(run).bars(y_bar)["w_bar"],
    )


def _raw_with_padding(run: Run, y_bar: Array) -> Array:
    padded = any(window.low or window.high for window in run.windows)
    return as_if_contiguous(y_bar) if padded else y_bar


def _misread(name: str, read: Callable[[Array], Array]) -> Callable[[Case], bool]:
    """Whether what is read from the memory of an array is not the array."""

    def shows(case: Case) -> bool:
        if not is_read(case) or name not in case.layouts:
            return False
        array = handed(case, name)
        return not np.array_equal(read(array), array)

    return shows


def _must_not_be_written(case: Case) -> bool:
    return not is_writeable(case, "y_bar")


def _needs_to_write(right_kernel: Subject) -> Subject:
    """Writes into the cotangent and puts it back: fails where it must not be written."""

    def vjp(run: Run, y_bar: Array) -> Any:
        y_bar *= y_bar.dtype.type(1)
        return run.right.vjp(run.residuals, y_bar)

    return rewired(right_kernel, forward=lambda run: (run.y, run), vjp=vjp)


def _raw_cotangent(name: str, what: str, read: Callable[[Array], Array], *, source: str) -> Fault:
    return Fault(
        name=name,
        what=what,
        operations=EVERY,
        results=("x_bar", "w_bar", "b_bar"),
        condition="a cotangent that does not lie in C order",
        shows=_misread("y_bar", read),
        plant=planted(cotangent=lambda run, y_bar: read(y_bar)),
        caught_by=CHECKS,
        source=source,
    )


FAULTS: tuple[Fault, ...] = (
    _raw_cotangent(
        "cotangent-taken-for-contiguous",
        "the cotangent's memory is read as if it lay in C order",
        as_if_contiguous,
        source="https://github.com/pytorch/pytorch/pull/708",
    ),
    _raw_cotangent(
        "cotangent-rows-taken-for-contiguous",
        "the cotangent is read with stride 1 along its last axis, whatever its strides",
        _in_last_dimension,
        source="https://github.com/fla-org/flash-linear-attention/pull/871",
    ),
    Fault(
        name="cotangent-taken-for-contiguous-with-padding",
        what="with padding, the cotangent's memory is read as if it lay in C order",
        operations=AVG_POOL,
        results=("x_bar",),
        condition="padding, and a cotangent that does not lie in C order",
        shows=lambda case: (
            any(window.low for window in case.geometry.windows)
            and _misread("y_bar", as_if_contiguous)(case)
        ),
        plant=planted(cotangent=_raw_with_padding),
        caught_by=CHECKS,
        source="https://github.com/pytorch/pytorch/issues/188344",
    ),
    Fault(
        name="x-taken-for-contiguous",
        what="the backward pass reads the memory of x as if it lay in C order",
        operations=CONV,
        results=("w_bar",),
        condition="an x that does not lie in C order",
        shows=_misread("x", as_if_contiguous),
        plant=_operand_raw("x"),
        caught_by=CHECKS,
        source="https://github.com/pytorch/pytorch/issues/67239",
    ),
    Fault(
        name="w-taken-for-contiguous",
        what="the backward pass reads the memory of w as if it lay in C order",
        operations=CONV,
        results=("x_bar",),
        condition="a w that does not lie in C order",
        shows=_misread("w", as_if_contiguous),
        plant=_operand_raw("w"),
        caught_by=CHECKS,
        source="https://github.com/huggingface/candle/issues/3735",
    ),
    Fault(
        name="cotangent-must-be-writeable",
        what="the backward pass writes into the cotangent, and raises where it must not",
        operations=EVERY,
        results=("x_bar",),
        condition="a read-only cotangent",
        shows=_must_not_be_written,
        plant=_needs_to_write,
        caught_by=("contract",),
        source="https://github.com/flexcompute/tidy3d/pull/3304",
    ),
)
