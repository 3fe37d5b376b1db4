"""Runs of a subject: forward, then vjp, on arrays made for them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import Call, call
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.filling import Arrays
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Handed:
    """The arrays that a run gets, in the layouts of its case."""

    operands: dict[str, Array]
    y_bar: Array


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Parameters
    ----------
    handed
        What the subject got, as the subject left it.
    forward, vjp
        How the calls ended; `vjp` is ``None`` if the forward gave no pair.
    raw
        What the subject gave for each result, of whatever type; missing ones are left out.
    got
        Copies of those results that can be compared: real arrays of the right shape, in float64.
    """

    handed: Handed
    forward: Call
    vjp: Call | None
    raw: dict[str, Any]
    got: dict[str, Array]

    @property
    def is_whole(self) -> bool:
        """Whether every result can be compared."""
        return len(self.got) == 1 + len(self.handed.operands)

    @property
    def why_not(self) -> str:
        """What went wrong in a run that is not whole."""
        if not self.forward.returned:
            return self.forward.raised or self.forward.unsupported
        if self.vjp is not None and not self.vjp.returned:
            return self.vjp.raised or self.vjp.unsupported
        return "a result was missing or had another shape"


def hand(case: Case, arrays: Arrays, *, layouts: Mapping[str, str] | None = None) -> Handed:
    """Copies of the arrays in their layouts: the case's, unless others are given."""
    chosen = case.layouts if layouts is None else layouts
    return Handed(
        {name: lay_out(a, chosen.get(name, C_ORDER)) for name, a in arrays.operands.items()},
        lay_out(arrays.y_bar, chosen.get("y_bar", C_ORDER)),
    )


def run(subject: Subject, case: Case, handed: Handed, *, params: Mapping[str, Any]) -> Run:
    """Forward and vjp, in the order in which a user would call them."""
    poison(case, ("y",))
    forward = call_forward(subject, case, handed.operands, params=params)
    if not forward.returned or not is_pair(forward.value):
        return Run(handed, forward, None, {}, {})
    # The forward has taken, or freed, what was left before it.
    poison(case, tuple(f"{name}_bar" for name in handed.operands))
    vjp = call(subject.vjp, forward.value[1], handed.y_bar)
    return collect(case, handed, forward, vjp)


def collect(case: Case, handed: Handed, forward: Call, vjp: Call) -> Run:
    """The run that these two calls make."""
    raw: dict[str, Any] = {"y": forward.value[0]}
    if vjp.returned and isinstance(vjp.value, tuple):
        # A wrong number of them is for the contract to tell.
        gradients = dict(zip(case.operation.operands, vjp.value, strict=False))
        raw |= {f"{name}_bar": gradients[name] for name in handed.operands if name in gradients}
    shapes = case.shapes
    # Recycled memory may hold signalling NaN, which a cast remarks on.
    with np.errstate(invalid="ignore"):
        got = {
            name: np.array(value, np.float64, order="C")
            for name, value in raw.items()
            if is_real_array(value) and value.shape == shapes[name]
        }
    return Run(handed, forward, vjp, raw, got)


def call_forward(
    subject: Subject, case: Case, operands: Mapping[str, Array], *, params: Mapping[str, Any]
) -> Call:
    """Call the forward on these operands; absent ones are handed as ``None``."""
    positional = [operands.get(name) for name in case.operation.operands]
    return call(subject.forward, *positional, **params)


def poison(case: Case, results: tuple[str, ...]) -> None:
    """Leave NaN in the memory that the next arrays of the results' sizes are likely to get.

    A kernel that reads an output before it has written it, or leaves a part unwritten, then shows
    it, instead of finding the zeros of fresh memory.
    """
    dtype = FORMATS[case.dtype].dtype
    shapes = case.shapes
    # All are made before one is freed, or the second would get the block of the first.
    freed = [np.full(shapes[name], np.nan, dtype) for name in results]
    del freed


def is_pair(value: Any) -> bool:
    """Whether `value` can be the forward's ``(y, residuals)``."""
    return isinstance(value, tuple) and len(value) == 2


def is_real_array(value: Any) -> bool:
    """Whether `value` is an array of real numbers, bfloat16 included."""
    if not isinstance(value, np.ndarray):
        return False
    # Integers too: their dtype is the contract's matter, their numbers can be compared.
    return value.dtype.kind in "fiu" or value.dtype.name == "bfloat16"


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A run with another case in between, the run of that, and the operands changed by then."""

    run: Run | None
    inner: Run | None
    changed: tuple[str, ...]


def interleave(
    subject: Subject, case: Case, arrays: Arrays, others: Arrays, *, params: Mapping[str, Any]
) -> Interleaved:
    """Forward on these arrays, forward on the others, then both vjps, that of these last."""
    ours, theirs = hand(case, arrays), hand(case, others, layouts={})
    one = call_forward(subject, case, ours.operands, params=params)
    two = call_forward(subject, case, theirs.operands, params=params)
    changed = tuple(
        name
        for name, array in arrays.operands.items()
        if not np.array_equal(ours.operands[name], array, equal_nan=True)
    )
    if not all(each.returned and is_pair(each.value) for each in (one, two)):
        return Interleaved(None, None, changed)
    inner = collect(case, theirs, two, call(subject.vjp, two.value[1], theirs.y_bar))
    vjp = call(subject.vjp, one.value[1], ours.y_bar)
    return Interleaved(collect(case, ours, one, vjp), inner, changed)


def renew(
    subject: Subject, case: Case, arrays: Arrays, others: Arrays, *, params: Mapping[str, Any]
) -> Run:
    """A run on the other numbers, written into the arrays of a run on these.

    An optimizer leaves the weights so, step by step.
    """
    handed = hand(case, arrays, layouts={})
    run(subject, case, handed, params=params)
    for name, array in handed.operands.items():
        np.copyto(array, others.operands[name])
    np.copyto(handed.y_bar, others.y_bar)
    return run(subject, case, handed, params=params)
