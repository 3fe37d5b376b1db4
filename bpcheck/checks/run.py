"""Runs of a subject: forward, then vjp, on arrays made for them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import Call, call
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, OUTPUT, lay_out, lay_out_all
from bpcheck.filling import Arrays
from bpcheck.operations.outputs import joined, parted
from bpcheck.subject import Subject


@dataclass(frozen=True, slots=True)
class Handed:
    """The arrays that a run gets, in the layouts of its case.

    Where the cotangent `is_output`, the vjp gets what the forward returned, if that holds the
    numbers of `y_bar`, up to rounding on real values.
    """

    operands: dict[str, Array]
    y_bar: Array
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Parameters
    ----------
    handed
        What the subject got, as the subject left it.
    forward, vjp
        How the calls ended; `vjp` is ``None`` where none was called, since the forward gave no
        well-formed ``y``: there is no cotangent for it.
    raw
        What the subject gave for each result, of whatever type, several outputs as they came;
        missing ones are left out.
    got
        Copies of those results that can be compared: real arrays of the right shape, in float64.
    cotangent
        What the output held when it was handed to the vjp; ``None`` if it was not.
    """

    handed: Handed
    forward: Call
    vjp: Call | None
    raw: dict[str, Any]
    got: dict[str, Array]
    cotangent: Array | None = None

    @property
    def is_malformed(self) -> bool:
        """Whether the forward returned something, and no `y` that a vjp could be called for."""
        return self.forward.returned and self.vjp is None

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
        lay_out_all(arrays.operands, chosen),
        lay_out(arrays.y_bar, chosen.get("y_bar", C_ORDER)),
        is_output=chosen.get("y_bar") == OUTPUT,
    )


def run(
    subject: Subject,
    case: Case,
    handed: Handed,
    *,
    params: Mapping[str, Any],
    left: float = np.nan,
) -> Run:
    """Forward and vjp, in the order in which a user would call them.

    `left` is the number that is left in memory before each of them.
    """
    poison(case, ("y",), left)
    forward = call_forward(subject, case, handed.operands, params=params)
    # The forward has taken, or freed, what was left before it.
    poison(case, tuple(f"{name}_bar" for name in handed.operands), left)
    return run_vjp(subject, case, handed, forward)


def run_vjp(subject: Subject, case: Case, handed: Handed, forward: Call) -> Run:
    """The run that this forward and the vjp of what it returned make.

    For a `y` that is malformed no vjp is called: a cotangent of the right shape is none for it,
    and native code that takes both for one shape reads and writes out of bounds.
    """
    if not gives_y(case, forward):
        raw = {"y": forward.value[0]} if forward.returned and is_pair(forward.value) else {}
        return Run(handed, forward, None, raw, {})
    y, residuals = forward.value
    # Of several outputs the cotangents are views of one array, and never the outputs themselves.
    is_output = handed.is_output and not case.outputs
    if not (is_output and _holds(y, handed.y_bar, rounded=not case.is_exact)):
        return collect(case, handed, forward, call_vjp(subject, case, residuals, handed.y_bar))
    # Before a vjp writes into it.
    kept = y.copy()
    handed = replace(handed, y_bar=y)
    found = collect(case, handed, forward, call_vjp(subject, case, residuals, y))
    return replace(found, got={**found.got, "y": kept.astype(np.float64)}, cotangent=kept)


def _holds(y: Any, y_bar: Array, *, rounded: bool) -> bool:
    """Whether an output can be its own cotangent: it holds these numbers, or near ones."""
    if type(y) is not np.ndarray or (y.shape, y.dtype) != (y_bar.shape, y_bar.dtype):
        return False
    one, other = y.astype(np.float64), y_bar.astype(np.float64)
    if not rounded:
        return np.array_equal(one, other, equal_nan=True)
    # What is that wrong is told by y; its gradients are judged for numbers that fit the dtype.
    return bool(np.abs(one).max(initial=0) <= 2 * np.abs(other).max(initial=0))


def collect(case: Case, handed: Handed, forward: Call, vjp: Call) -> Run:
    """The run that these two calls make."""
    raw: dict[str, Any] = {"y": forward.value[0]}
    if vjp.returned and isinstance(vjp.value, tuple):
        # A wrong number of them is for the contract to tell.
        gradients = dict(zip(gradient_names(case, vjp.value), vjp.value, strict=False))
        raw |= {f"{name}_bar": gradients[name] for name in handed.operands if name in gradients}
    made = {name: numbers_of(case, name, value) for name, value in raw.items()}
    got = {name: value for name, value in made.items() if value is not None}
    return Run(handed, forward, vjp, raw, got)


def numbers_of(case: Case, result: str, value: Any) -> Array | None:
    """A copy of a result in float64, several outputs as one; ``None`` if it cannot be compared."""
    if result == "y" and case.outputs:
        return joined(value) if _are_outputs(case, value) else None
    if not (is_real_array(value) and value.shape == case.shapes[result]):
        return None
    # Recycled memory may hold signalling NaN, which a cast remarks on.
    with np.errstate(invalid="ignore"):
        return np.array(value, np.float64, order="C")


def _are_outputs(case: Case, value: Any) -> bool:
    """Whether it is a tuple of real arrays of the shapes that the outputs of a case have."""
    return (
        isinstance(value, tuple)
        and all(map(is_real_array, value))
        and tuple(each.shape for each in value) == case.outputs
    )


def gradient_names(case: Case, returned: Sequence[Any]) -> tuple[str, ...]:
    """Whose gradients a vjp returned: ``None`` may stand for operands without, or nothing."""
    every = case.operation.positional
    return every if len(returned) == len(every) else case.operation.operands


def call_forward(
    subject: Subject, case: Case, operands: Mapping[str, Array], *, params: Mapping[str, Any]
) -> Call:
    """Call the forward on these operands; absent ones are handed as ``None``."""
    names = case.operation.operands if subject.tensors else case.operation.positional
    positional = [params.get(name) if name not in operands else operands[name] for name in names]
    rest = {name: value for name, value in params.items() if name not in names}
    made = call(subject.forward, *positional, refusals=subject.claims.refuses, **rest)
    if not (made.returned and is_pair(made.value)):
        return made
    y, residuals = made.value
    if case.outputs and isinstance(y, tuple):
        several = tuple(map(_as_array, y, (*case.outputs, *[None] * len(y))))
        return replace(made, value=(several, residuals))
    single = _as_array(y, case.shapes["y"])
    return made if single is y else replace(made, value=(single, residuals))


def _as_array(value: Any, shape: tuple[int, ...] | None) -> Any:
    """NumPy's own scalar as the array without axes that it stands for; anything else as it is.

    NumPy gives one wherever it adds up all there is: a loss by hand is nothing else.
    """
    return np.asarray(value) if shape == () and isinstance(value, np.generic) else value


def call_vjp(subject: Subject, case: Case, residuals: Any, y_bar: Array) -> Call:
    """Call the vjp on the residuals of a forward; several outputs have a tuple of cotangents."""
    given = parted(y_bar, case.outputs) if case.outputs else y_bar
    made = call(subject.vjp, residuals, given, refusals=subject.claims.refuses)
    if () not in case.operand_shapes.values() or not isinstance(made.value, tuple):
        return made
    names = gradient_names(case, made.value)
    shapes = [case.operand_shapes.get(name) for name in (*names, *[""] * len(made.value))]
    return replace(made, value=tuple(map(_as_array, made.value, shapes)))


def poison(case: Case, results: tuple[str, ...], left: float = np.nan) -> None:
    """Leave NaN in the memory that the next arrays of the results' sizes are likely to get.

    A kernel that reads an output before it has written it, or leaves a part unwritten, then shows
    it, instead of finding the zeros of fresh memory.
    """
    dtype = FORMATS[case.dtype].dtype
    shapes = [
        shape
        for name in results
        for shape in (case.outputs if name == "y" and case.outputs else (case.shapes[name],))
    ]
    # All are made before one is freed, or the second would get the block of the first.
    freed = [np.full(shape, left, dtype) for shape in shapes]
    del freed


def gives_y(case: Case, forward: Call) -> bool:
    """Whether a forward returned a pair whose ``y`` is a real array of the shape of the case.

    Where there are several outputs, it is a tuple of such. Another dtype is the contract's matter:
    its numbers can be compared, and cotangents be sent.
    """
    if not forward.returned or not is_pair(forward.value):
        return False
    y = forward.value[0]
    if case.outputs:
        return _are_outputs(case, y)
    return is_real_array(y) and y.shape == case.shapes["y"]


def is_pair(value: Any) -> bool:
    """Whether `value` can be the forward's ``(y, residuals)``."""
    return isinstance(value, tuple) and len(value) == 2


def is_real_array(value: Any) -> bool:
    """Whether `value` is an array of real numbers, bfloat16 included."""
    # A mask hides cells from every comparison, and `*` of a matrix is another product.
    if type(value) is not np.ndarray and (
        not isinstance(value, np.ndarray) or isinstance(value, (np.ma.MaskedArray, np.matrix))
    ):
        return False
    # Integers too: their dtype is the contract's matter, their numbers can be compared.
    return value.dtype.kind in "fiu" or value.dtype.name == "bfloat16"
