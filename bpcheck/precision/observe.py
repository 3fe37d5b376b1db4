"""One result of a subject on given arrays, or why it cannot be measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import Call, call
from bpcheck.checks.claims import unclaimed_geometry
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation
from bpcheck.subject import Subject


class MeasureError(BpcheckError):
    """A subject that does not compute what is to be measured."""


def observe(
    subject: Subject,
    operation: Operation,
    geometry: Any,
    result: str,
    arrays: Mapping[str, Array],
) -> Array | None:
    """`result` of `subject` on copies of `arrays` (operands and ``y_bar``); ``None``: not claimed.

    Raises
    ------
    MeasureError
        If it raises, or gives something of another type, shape or dtype. Precision is measured of
        kernels that are right: whether they are is for the checks to say.
    """
    handed = {name: array.copy() for name, array in arrays.items()}
    y_bar = handed.pop("y_bar")
    params = operation.params(geometry)
    if unclaimed_geometry(subject, operation, geometry):
        return None
    positional = [handed.get(name) for name in operation.operands]
    outcome = call(
        subject.forward,
        *positional,
        refusals=subject.claims.refuses,
        **subject.accepted(params),
    )
    if outcome.unsupported:
        return None
    pair = _value(subject, "forward", outcome)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise MeasureError(unmeasured(subject, "forward gives no pair (y, residuals)"))
    found = pair[0]
    if result != "y":
        shape = arrays["y_bar"].shape
        # The vjp is called for what the forward returned, or not at all.
        if not isinstance(found, np.ndarray) or found.shape != shape:
            raise MeasureError(unmeasured(subject, f"y is no array of shape {shape}"))
        backward = call(subject.vjp, pair[1], y_bar, refusals=subject.claims.refuses)
        if backward.is_claimed:
            return None
        gradients = _value(subject, "vjp", backward)
        place = operation.operands.index(result.removesuffix("_bar"))
        if not isinstance(gradients, tuple) or len(gradients) <= place:
            raise MeasureError(unmeasured(subject, "vjp gives no gradient for each operand"))
        found = gradients[place]
    expected = arrays["y_bar"] if result == "y" else arrays[result.removesuffix("_bar")]
    if not isinstance(found, np.ndarray):
        raise MeasureError(unmeasured(subject, f"{result} is of type {type(found).__name__}"))
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        got = f"{result} is {found.dtype} {found.shape}, not {expected.dtype} {expected.shape}"
        raise MeasureError(unmeasured(subject, got))
    return found


def _value(subject: Subject, function: str, outcome: Call) -> Any:
    if outcome.raised:
        raise MeasureError(unmeasured(subject, f"{function} raises {outcome.raised}"))
    return outcome.value


def unmeasured(subject: Subject, what: str) -> str:
    """Why a subject cannot be measured, and who tells more."""
    return (
        f"{subject.name}: {what}; only a kernel that is right can be measured: "
        f"bpcheck check {subject.operation} says what is wrong"
    )
