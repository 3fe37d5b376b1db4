"""The same function through `torch.compile`, for one geometry and for sizes that are not known."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks.allowed import is_right, narrow_bounds, quotient_bound
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, remarked, unjudged
from bpcheck.checks.tensors.asked import (
    KINDS,
    Asked,
    engine,
    is_cheap,
    missing,
    numbers,
    shortened,
)
from bpcheck.checks.trial import Trial
from bpcheck.errors import CaseError
from bpcheck.finding import Kind, Outcome

NAME = "compiled"

#: Cases of so many seeds are compiled: each takes seconds.
FEW = 3

#: Results by name.
Made = dict[str, Array]


@dataclass(frozen=True, slots=True)
class _Function:
    """What is compiled, and how it, or what it was compiled to, is called on operands."""

    inner: Callable[..., Any]
    call: Callable[[Any, Trial, dict[str, Any]], Any]


def check_compiled(trial: Trial) -> tuple[Outcome, ...]:
    """``y`` and every gradient, compiled, are what they are as the function stands.

    Bit for bit on the lattice, and within twice the rounding bound on real values of the same
    geometry; compiled for it alone, and for sizes that are not known, where another batch follows.
    What torch's own operation gets wrong so is not held against anybody.
    """
    why = _why_not(trial)
    if why:
        return unjudged(trial, NAME, why)
    if trial.subject.tensors is None:
        text = "torch.compile takes functions on tensors (--style torch): nothing was compiled"
        return (remarked(NAME, "y", text), *unjudged(trial, NAME, text)[1:])
    asked = Asked.of(trial)
    backend, remark = _backend()
    found: list[Outcome] = []
    for when, is_dynamic in _WAYS.items():
        ended = _tried(asked, _of_subject(asked), backend, is_dynamic=is_dynamic)
        if not isinstance(ended, str):
            found += _violations(when, ended)
        elif _fails_for_torch(asked, backend, is_dynamic=is_dynamic):
            remark = remark or f"torch's own operation fails {when} too: {ended}"
        else:
            text = f"it fails {when}: {ended}"
            return missing(trial, NAME, text, is_claimed=True, results=["y"])
    if found and _errs_for_torch(asked, backend):
        found, remark = [], "torch's own operation has other numbers too when it is compiled"
    outcomes = first_of_each(trial, NAME, found)
    if remark and not found:
        return (replace(outcomes[0], remark=remark), *outcomes[1:])
    return outcomes


def _why_not(trial: Trial) -> str:
    if not trial.subject.claims.compiled:
        return "not claimed"
    if not trial.first.is_whole:
        return "the contract is broken"
    case = trial.case
    if case.lattice is not None and case.values not in KINDS:
        return "left to other cases"
    if case.seed >= FEW or 0 in case.shapes["y"] or not is_cheap(case):
        return "left to other cases"
    if not all(is_right(trial, result) for result in trial.got):
        return "the results are wrong anyway"
    return "" if trial.subject.claims.exact else "not exact"


#: Ways to compile, by how messages call them, and whether sizes are left open.
_WAYS = {"compiled": False, "compiled for any size (dynamic=True)": True}


def _backend() -> tuple[str, str]:
    """How it is compiled, and what is to be told of that."""
    names = (os.environ.get("CXX", "").split(" ")[0], "g++", "clang++", "c++", "cl")
    if any(name and shutil.which(name) for name in names):
        return "inductor", ""
    return "aot_eager", (
        "there is no C++ compiler here (CXX, g++, clang++): its graphs were traced and "
        "differentiated (aot_eager), and no kernels were made of them"
    )


def _of_subject(asked: Asked) -> _Function:
    """The subject's own function, without what binds its arguments."""
    code: Any = asked.code
    own: Any = code.function
    # Dynamo takes functions, and the `apply` of a Function is none.
    apply = getattr(own, "apply", own) if isinstance(own, type) else own

    def function(*args: Any, **kwargs: Any) -> Any:
        return apply(*args, **kwargs)

    def call(inner: Any, trial: Trial, operands: dict[str, Any]) -> Any:
        every = [operands.get(name) for name in trial.case.operation.operands]
        args, kwargs, _ = code.call_of(every, trial.params)
        return code.returned(inner(*args, **kwargs))

    return _Function(function, call)


def _of_torch(trial: Trial) -> _Function:
    """Torch's own operation."""
    operation = trial.case.operation

    def call(inner: Any, trial: Trial, operands: dict[str, Any]) -> Any:
        return inner(operands, trial.case.params)

    return _Function(operation.torch_forward, call)


def _tried(
    asked: Asked, function: _Function, backend: str, *, is_dynamic: bool
) -> list[tuple[Trial, Made, Made]] | str:
    """The same of what can be compiled; else the error, in a line.

    Compilers take what time they need: that is no call of the subject's, which has a limit.
    """
    import torch

    try:
        with torch.enable_grad(), _left_as_it_was():
            return _both(asked, function, backend, is_dynamic=is_dynamic)
    except Exception as error:  # noqa: BLE001 - whatever a compiler says
        return shortened(f"{type(error).__name__}: {' '.join(str(error).split())}")


@contextlib.contextmanager
def _left_as_it_was() -> Iterator[None]:
    """Nothing told on the standard error meanwhile, and the process afterwards as it was before.

    Compilers set what they need: that is not the subject's doing.
    """
    disabled, names, limit = logging.root.manager.disable, set(os.environ), sys.getrecursionlimit()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        for name in os.environ.keys() - names:
            del os.environ[name]
        sys.setrecursionlimit(limit)


def _both(
    asked: Asked, function: _Function, backend: str, *, is_dynamic: bool
) -> list[tuple[Trial, Made, Made]]:
    """What it gives compiled, and as it stands, in each trial: one compiled function for all."""
    import torch
    import torch._dynamo  # it has no public name

    from bpcheck.adapters.torch_compiled import keep_compiling

    dynamo: Any = torch._dynamo  # noqa: SLF001 - as above
    # What was compiled for other cases is not to be counted against this one.
    dynamo.reset()
    keep_compiling()
    compiled = torch.compile(function.inner, backend=backend, dynamic=is_dynamic)
    return [
        (each, _made(asked, each, function, compiled), _made(asked, each, function, function.inner))
        for each in _trials(asked.trial, is_dynamic=is_dynamic)
    ]


def _made(asked: Asked, trial: Trial, function: _Function, inner: Any) -> Made:
    """``y`` and the gradients."""
    own = Asked(trial, asked.code)
    leaves = own.leaves()
    y = function.call(inner, trial, leaves)
    bars = engine(y, leaves, own.cotangent)
    made = {"y": y, **{f"{name}_bar": bar for name, bar in bars.items()}}
    return {name: numbers(each) for name, each in made.items() if each is not None}


def _trials(trial: Trial, *, is_dynamic: bool) -> Iterator[Trial]:
    """The case, and real values of it, or where sizes are left open a larger batch."""
    yield trial
    if not is_dynamic:
        yield Trial(trial.subject, replace(trial.case, values="real", layout="c-order"))
        return
    larger = _of_a_larger_batch(trial)
    if larger is not None:
        yield Trial(trial.subject, larger)


def _of_a_larger_batch(trial: Trial) -> Case | None:
    operation, numbers = trial.case.operation, trial.case.geometry.numbers()
    if "n" not in operation.keys:
        return None
    numbers |= {"n": numbers["n"] + 2}
    with contextlib.suppress(CaseError):
        geometry = operation.geometry({key: numbers[key] for key in operation.keys})
        case = replace(trial.case, geometry=geometry, layout="c-order", one_hot=None)
        if trial.may_have(geometry) and not unclaimed(trial.subject, case):
            return case
    return None


def _fails_for_torch(asked: Asked, backend: str, *, is_dynamic: bool) -> bool:
    """Whether torch's own operation cannot be compiled either."""
    ended = _tried(asked, _of_torch(asked.trial), backend, is_dynamic=is_dynamic)
    return isinstance(ended, str)


def _errs_for_torch(asked: Asked, backend: str) -> bool:
    """Whether torch's own operation has other numbers too when it is compiled."""
    for when, is_dynamic in _WAYS.items():
        ended = _tried(asked, _of_torch(asked.trial), backend, is_dynamic=is_dynamic)
        if isinstance(ended, str) or any(_violations(when, ended)):
            return True
    return False


def _violations(when: str, both: list[tuple[Trial, Made, Made]]) -> Iterator[Outcome]:
    for trial, got, plain in both:
        for result, right in plain.items():
            mine = got.get(result)
            if mine is None or mine.shape != right.shape:
                message = f"{result} is {'None' if mine is None else 'of another shape'} {when}"
                yield failed(trial, NAME, result, Kind.COMPILED, message)
                continue
            where = difference(mine, right, _slack(trial, result))
            if where is not None:
                message = (
                    f"{element(result, where)} is {number(where.got)} {when}, and "
                    f"{number(where.expected)} as it stands"
                )
                yield failed(trial, NAME, result, Kind.COMPILED, message, where)


def _slack(trial: Trial, result: str) -> Array | None:
    """What may lie between two right kernels: nothing where no sum is rounded."""
    if trial.case.lattice is not None and trial.case.values != "real":
        return 2 * quotient_bound(trial, result) if trial.case.operation.divides else None
    bounds = narrow_bounds(trial)
    # Rounding that crosses a kink moves a whole cotangent.
    return np.full(trial.case.shapes[result], np.inf) if bounds is None else 2 * bounds[result]
