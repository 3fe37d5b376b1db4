"""The contract: types, counts, shapes and dtypes, and nothing raised or printed.

It comes before all numbers: what has the wrong shape is never compared by broadcasting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.calls import Call
from bpcheck.checks.axes import likely_order
from bpcheck.checks.outcomes import failed, first_of_each, not_applicable
from bpcheck.checks.run import Run, gradient_names, is_pair, is_real_array
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.outputs import names_of, parted

NAME = "contract"


def check_contract(trial: Trial) -> tuple[Outcome, ...]:
    """One outcome for each result of the case; the first violation of each is the finding."""
    given = trial.first.raw
    why = "no vjp is called without a y" if trial.first.vjp is None else "it was not returned"
    found = [*violations(trial, trial.first), *_printed(trial)]
    return tuple(
        outcome
        if outcome.finding or outcome.result in given
        else not_applicable(NAME, outcome.result, why)
        for outcome in first_of_each(trial, NAME, found)
    )


def violations(trial: Trial, run: Run, check: str = NAME) -> Iterator[Outcome]:
    """What breaks the contract in a run of the trial's subject, as outcomes of a check.

    What failed first explains the rest: the first one of each result tells.
    """
    yield from _forward_violations(trial, run, check)
    if run.vjp is not None:
        yield from _vjp_violations(trial, run.vjp, check)
    for result, value in run.raw.items():
        yield from _array_violations(trial, check, result, value)


def _forward_violations(trial: Trial, run: Run, check: str) -> Iterator[Outcome]:
    forward = run.forward
    if forward.raised:
        message = f"forward raised {forward.raised}{_hint(trial, forward)}"
        yield failed(trial, check, "y", Kind.RAISES, message, exception=forward.exception)
    elif forward.unsupported:
        message = f"forward refuses a case that supports() claims: {forward.error}"
        yield failed(trial, check, "y", Kind.RAISES, message, exception=forward.exception)
    elif not is_pair(forward.value):
        y = _outputs(trial) or "y"
        message = f"forward returned {describe(forward.value)}; return a tuple ({y}, residuals)"
        yield failed(trial, check, "y", Kind.TYPE, message)


def _hint(trial: Trial, forward: Call) -> str:
    """How the forward is called, where its signature may be what fails, or a word for numbers."""
    words = _words(trial)
    if words:
        return words
    if not forward.raised.startswith("TypeError") or _is_adapted(trial):
        return ""
    operands = ", ".join(trial.case.operation.positional)
    absent = [name for name in trial.case.operation.operands if name not in trial.arrays.operands]
    none = f", here with {' and '.join(absent)} = None" if absent else ""
    return f"; it is called as forward({operands}, *, {', '.join(_named(trial))}){none}"


def _is_adapted(trial: Trial) -> bool:
    """Whether an adapter stands between: the code itself is called in another way."""
    return trial.subject.lacks is not None


def _unused(trial: Trial) -> str:
    """What a Function has to take where some of several outputs have a cotangent of zeros."""
    parts = parted(trial.arrays.y_bar, trial.case.outputs)
    unused = [
        name
        for name, each in zip(names_of(parts), parts, strict=True)
        if not np.any(each.astype(np.float64))
    ]
    if not unused or len(unused) == len(parts):
        return ""
    return (
        f"; {' and '.join(unused)} is not used here: leave set_materialize_grads as it is, or take "
        "None for zeros"
    )


def _outputs(trial: Trial, ending: str = "") -> str:
    """``(y0, y1)`` where there are several outputs, else nothing."""
    names = [f"{name}{ending}" for name in names_of(trial.case.outputs)]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})" if names else ""


def _named(trial: Trial) -> Iterator[str]:
    """The params that go by name."""
    yield from (name for name in trial.params if name not in trial.case.operation.positional)


def _words(trial: Trial) -> str:
    """The params that are words where others are numbers."""
    words = [f"{k}={v!r}" for k, v in trial.params.items() if isinstance(v, str)]
    return f"; here with {', '.join(words)}, which supports() may leave out" if words else ""


def _vjp_violations(trial: Trial, vjp: Call, check: str) -> Iterator[Outcome]:
    promise, handed = trial.case.operation, trial.first.handed.operands
    names = [f"{name}_bar" for name in promise.operands]
    first = f"{next(iter(handed))}_bar"
    wanted = f"({', '.join(names)}{',' if len(names) == 1 else ''})"
    if vjp.raised:
        bars = _outputs(trial, "_bar")
        called = f"; it is called as vjp(residuals, {bars or 'y_bar'})"
        is_told = bars or (vjp.raised.startswith("TypeError") and not _is_adapted(trial))
        hint = called if is_told else _words(trial)
        if trial.subject.tensors is not None:
            hint = _unused(trial) or hint
        message = f"vjp raised {vjp.raised}{hint}"
        yield failed(trial, check, first, Kind.RAISES, message, exception=vjp.exception)
    elif vjp.unsupported:
        message = f"vjp does not support what forward accepted: {vjp.error}"
        yield failed(trial, check, first, Kind.RAISES, message, exception=vjp.exception)
    elif not isinstance(vjp.value, tuple):
        message = f"vjp returned {describe(vjp.value)}; return a tuple {wanted}"
        yield failed(trial, check, first, Kind.TYPE, message)
    elif len(vjp.value) not in (len(names), len(promise.positional)):
        message = f"vjp returned {len(vjp.value)} gradients; return {len(names)}: {wanted}"
        yield failed(trial, check, first, Kind.COUNT, message)
    else:
        for operand, value in zip(gradient_names(trial.case, vjp.value), vjp.value, strict=True):
            name = f"{operand}_bar"
            if operand in promise.constants and value is not None:
                # What has no gradient is told with the first that has one.
                message = f"vjp returned {describe(value)} for {operand}, which has no gradient"
                yield failed(trial, check, first, Kind.TYPE, f"{message}; return None there")
            elif operand not in handed and value is not None:
                message = (
                    f"vjp returned {describe(value)} for {name}, and {operand} was None; "
                    "return None there"
                )
                yield failed(trial, check, name, Kind.TYPE, message)


def _array_violations(trial: Trial, check: str, result: str, value: Any) -> Iterator[Outcome]:
    shapes = trial.case.outputs
    if result != "y" or not shapes:
        yield from _violations_of(trial, check, result, result, value, trial.case.shapes[result])
    elif not isinstance(value, tuple) or len(value) != len(shapes):
        message = f"y is {describe(value)}; return the outputs as a tuple: "
        message += f"({_outputs(trial)}, residuals)"
        yield failed(trial, check, result, Kind.TYPE, message)
    else:
        for name, each, shape in zip(names_of(shapes), value, shapes, strict=True):
            yield from _violations_of(trial, check, result, name, each, shape)


def _violations_of(
    trial: Trial, check: str, result: str, name: str, value: Any, shape: tuple[int, ...]
) -> Iterator[Outcome]:
    """What is wrong with a result, or with the output of this `name` that is a part of it."""
    dtype = trial.format.dtype
    if is_real_array(value) and value.shape == shape and value.dtype == dtype:
        # Nearly always so; to spell the name of a dtype takes as long as all else here.
        return
    expected = f"expected an array of {dtype.name} with shape {shape}"
    if not is_real_array(value):
        message = f"{name} is {describe(value)}; {expected}"
        yield failed(trial, check, result, Kind.TYPE, message)
    elif value.shape != shape:
        order = likely_order(value.shape, shape, trial.case.operation.axes(result))
        message = f"{name} has shape {value.shape}; {expected}{'; ' if order else ''}{order}"
        yield failed(trial, check, result, Kind.SHAPE, message)
    elif _is_wider(value.dtype, dtype) and not trial.subject.claims.names_dtypes:
        message = (
            f"{name} is {value.dtype.name} for operands of {dtype.name}, and judged by its "
            f"values; make results in the operands' dtype, as np.zeros(shape, x.dtype) does, or "
            f'name the dtypes that it takes: DTYPES = ("{value.dtype.name}",), or '
            f"--claim dtypes={value.dtype.name}"
        )
        yield failed(trial, check, result, Kind.WIDER, message)
    elif value.dtype != dtype:
        given = value.dtype.name
        if given == dtype.name:
            given = f"{given} in another byte order ({value.dtype.str})"
        why = (
            "the dtype of the operands" if result == "y" else "the gradient has its operand's dtype"
        )
        message = f"{name} is {given}; {expected}: {why}"
        yield failed(trial, check, result, Kind.DTYPE, message)


def _is_wider(given: np.dtype[Any], expected: np.dtype[Any]) -> bool:
    """Whether results of one dtype round less than those of the other."""
    if not given.isnative or given.name not in FORMATS:
        return False
    return FORMATS[given.name].bits > FORMATS[expected.name].bits


def _printed(trial: Trial) -> Iterator[Outcome]:
    forward, vjp = trial.first.forward, trial.first.vjp
    printed = forward.printed or (vjp.printed if vjp else "")
    if printed:
        line = printed.strip().split("\n")[0][:60]
        who = "forward" if forward.printed else "vjp"
        result = "y" if forward.printed else f"{next(iter(trial.arrays.operands))}_bar"
        message = f"{who} printed {line!r}; a kernel is called thousands of times: remove the print"
        yield failed(trial, NAME, result, Kind.PRINTS, message)


def describe(value: Any) -> str:
    """``a list of length 3``, ``None``, ``an array of shape (2, 3)``."""
    if value is None:
        return "None"
    if isinstance(value, np.ma.MaskedArray | np.matrix):
        return f"a numpy {type(value).__name__}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype.name} with shape {value.shape}"
    kind = type(value).__name__
    article = "an" if kind[0] in "aeiou" else "a"
    if isinstance(value, list | tuple):
        return f"{article} {kind} of length {len(value)}"
    if isinstance(value, int | float | complex | np.generic):
        return f"the scalar {value!r}"
    return f"{article} {kind}"
