"""Modes of torch around a call, and a format of memory: no number changes, but autocast's dtype."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.calls import Call
from bpcheck.cases import Case
from bpcheck.checks import bounds
from bpcheck.checks.allowed import (
    Bounds,
    absolute_sums,
    between_right,
    is_right,
    quotient_bound,
)
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, remarked, unjudged
from bpcheck.checks.tensors.asked import Asked, engine, numbers, told, tried, why_not
from bpcheck.checks.tensors.flags import left_alone
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "modes"

#: The name and the numbers of a result.
Made = dict[str, tuple[str, Array]]

#: What makes the context of a mode, and ``y`` of operands by name.
Mode = Callable[[], Any]
Apply = Callable[[Mapping[str, Any]], Any]


def check_modes(trial: Trial) -> tuple[Outcome, ...]:
    """``y``, and gradients where they can be recorded, are what they are without the mode.

    Under autocast ``y`` may be rounded to its dtype instead, and the gradients with it, as those of
    torch's own operation are. An error is told and not held against the subject, nor are numbers
    that torch's own operation has under the mode too.
    """
    why = why_not(trial, NAME)
    if not why and not all(is_right(trial, result) for result in trial.got):
        why = "the results are wrong anyway"
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    plain = tried(_plain, asked)
    if not plain.returned:
        return unjudged(trial, NAME, "it fails without a mode")
    found: list[Outcome] = []
    refused = ""
    for name, mode in MODES.items():
        there = asked.evaluating() if name == EVALUATION else asked
        violations, refusal = ([], "") if there is None else _judged(there, name, mode, plain.value)
        found += violations
        refused = refused or refusal
    outcomes = first_of_each(trial, NAME, found)
    if refused and not found:
        return (remarked(NAME, "y", refused), *outcomes[1:])
    return outcomes


def _judged(asked: Asked, name: str, mode: Mode, plain: Made) -> tuple[list[Outcome], str]:
    """What is wrong under one mode, and what is told and not held against anybody."""
    leaves = _channels_last(asked.leaves()) if name == CHANNELS_LAST else asked.leaves()
    if not leaves:
        return [], ""
    ended, made = _under(asked, name, mode, leaves, asked.apply)
    if name in WITHOUT_GRAPH:
        beside = list(left_alone(asked, NAME, f"under {name}", mode))
        if beside:
            # What is spoilt so has other numbers, too.
            return beside, ""
    found = list(_violations(asked, name, made, plain))
    if ended.returned:
        found += _without_path(asked, name, made, plain)
    if found and _errs_for_torch(asked, name, mode, leaves, plain):
        return [], f"torch's own operation has other numbers under {name} too"
    return found, "" if ended.returned else _refusal(name, ended)


def _refusal(name: str, ended: Call) -> str:
    remedy = "decorate with torch.amp.custom_fwd and custom_bwd" if name == AUTOCAST else ""
    return f"under {name} it raises {told(ended)}" + (f"; {remedy}" if remedy else "")


def _under(
    asked: Asked, name: str, mode: Mode, leaves: dict[str, Any], apply: Apply
) -> tuple[Call, Made]:
    """How the last call under a mode ended, and what was made there."""
    with _own_kernels() if name == AUTOCAST else contextlib.nullcontext():
        forward = tried(_forward, apply, leaves, mode)
        ended = tried(_made, asked, leaves, forward.value) if forward.returned else forward
    made = ended.value if ended.returned else {}
    if forward.returned and not made:
        made = {"y": _what(forward.value)}
    return ended, made


def _errs_for_torch(
    asked: Asked, name: str, mode: Mode, leaves: dict[str, Any], plain: Made
) -> bool:
    """Whether torch's own operation has other results under the mode too.

    Not the same ones as the subject's: what is read beside an array is another number each time.
    """
    operation, params = asked.trial.case.operation, asked.trial.case.params
    torchs = partial(operation.torch_forward, params=params)
    _, made = _under(asked, name, mode, leaves, torchs)
    return any(_violations(asked, name, made, plain))


def _plain(asked: Asked) -> Made:
    leaves = asked.leaves()
    return _made(asked, leaves, _forward(asked.apply, leaves, contextlib.nullcontext))


def _forward(apply: Apply, leaves: dict[str, Any], mode: Mode) -> Any:
    with mode():
        return apply(leaves)


def _made(asked: Asked, leaves: dict[str, Any], y: Any) -> Made:
    """``y``, and the gradients that it leads back to, which are made outside of the mode."""
    found = {"y": _what(y)}
    # A view that is made where nothing is recorded seems to need a gradient, and leads nowhere.
    leads = y.grad_fn is not None or any(y is leaf for leaf in leaves.values())
    if y.requires_grad and leads:
        bars = engine(y, leaves, asked.cotangent.to(y.dtype))
        found |= {f"{name}_bar": _what(bar) for name, bar in bars.items() if bar is not None}
    return found


def _what(tensor: Any) -> tuple[str, Array]:
    return str(tensor.dtype), numbers(tensor)


def _own_kernels() -> Any:
    """Torch's own kernels in place of oneDNN's, which err and crash in bfloat16: found-in-torch.md.

    A subject that calls torch is not charged with those.
    """
    import torch

    flags: Any = torch.backends.mkldnn.flags
    return flags(enabled=False)


@contextlib.contextmanager
def _default_dtype() -> Iterator[None]:
    """The other default than the case's dtype has."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if before == torch.float32 else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    import torch

    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)


def _no_grad() -> Any:
    import torch

    return torch.no_grad()


def _inference() -> Any:
    import torch

    return torch.inference_mode()


def _autocast() -> Any:
    import torch

    return torch.autocast("cpu", dtype=torch.bfloat16)


def _channels_last(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The same operands in that memory format; none where none of them has one."""
    import torch

    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if not any(leaf.dim() in formats for leaf in leaves.values()):
        return {}
    found = {}
    for name, leaf in leaves.items():
        kept = formats.get(leaf.dim(), torch.contiguous_format)
        found[name] = leaf.detach().to(memory_format=kept).requires_grad_(leaf.requires_grad)
    return found


AUTOCAST = "autocast (bfloat16)"
CHANNELS_LAST = "channels-last"
EVALUATION = "eval()"

#: Modes in which nothing is recorded.
WITHOUT_GRAPH = ("no_grad", "inference_mode")

#: Each mode by the name that messages give it.
MODES: Mapping[str, Mode] = {
    "no_grad": _no_grad,
    "inference_mode": _inference,
    "default dtype float64": _default_dtype,
    "deterministic algorithms": _deterministic,
    CHANNELS_LAST: contextlib.nullcontext,
    EVALUATION: contextlib.nullcontext,
    AUTOCAST: _autocast,
}


def _violations(asked: Asked, name: str, made: Made, plain: Made) -> Iterator[Outcome]:
    trial = asked.trial
    for result, (dtype, got) in made.items():
        if result not in plain:
            continue
        own, right = plain[result]
        if got.shape != right.shape:
            message = f"{result} has the shape {got.shape} under {name}"
            yield failed(trial, NAME, result, Kind.MODE, message)
            continue
        if dtype != own and not (name == AUTOCAST and dtype in _of_autocast(asked)):
            message = f"{result} is {dtype} under {name}, and {own} without it"
            yield failed(trial, NAME, result, Kind.MODE, message)
            continue
        where = difference(got, right, _slack(trial, name, result, right))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} under {name}, and "
                f"{number(where.expected)} without it"
            )
            yield failed(trial, NAME, result, Kind.MODE, message, where)


def _without_path(asked: Asked, name: str, made: Made, plain: Made) -> Iterator[Outcome]:
    """The gradients that there are without the mode alone.

    In evaluation weights may be folded into what nobody trains; what lies below still learns.
    """
    lost = plain.keys() - made.keys() if name not in WITHOUT_GRAPH else set[str]()
    for result in lost & {f"{asked.names[0]}_bar"} if name == EVALUATION else lost:
        message = f"no path leads back to {result} under {name}: nothing below it learns there"
        yield failed(asked.trial, NAME, result, Kind.MODE, message)


def _of_autocast(asked: Asked) -> tuple[str, ...]:
    """The dtypes that a result may have under autocast: its own, and what torch's operation gives.

    Some operations are in its list of those that go the other way, to float32.
    """
    operation, case = asked.trial.case.operation, asked.trial.case
    with _own_kernels(), _autocast():
        y = operation.torch_forward(asked.leaves(()), case.params)
    return "torch.bfloat16", str(y.dtype)


def _slack(trial: Trial, name: str, result: str, right: Array) -> Array | None:
    """What the rounding that a mode asks for may do: none, but for autocast's."""
    if trial.case.lattice is None:
        return _of_smooth(trial, name)[result]
    quotients = 2 * quotient_bound(trial, result) if trial.case.operation.divides else None
    if name != AUTOCAST:
        return quotients
    # Operands, cotangent and results are rounded to it: three factors and a sum, of any order.
    unit = FORMATS["bfloat16"].unit_roundoff
    bound: Array = (trial.case.terms[result] + 4) * unit * absolute_sums(trial)[result]
    return bound + np.abs(right) * unit


def _of_smooth(trial: Trial, name: str) -> Bounds:
    """What may lie between two right kernels; under autocast one of them in its dtype."""
    own = between_right(trial, trial.arrays)
    if name != AUTOCAST:
        return own
    return {result: each + trial.once(_in_bfloat16)[result] for result, each in own.items()}


def _in_bfloat16(trial: Trial) -> Bounds:
    case = replace(trial.case, dtype="bfloat16")
    found = bounds.error_bounds(
        trial.subject.claiming(accumulates="bfloat16"), case, trial.arrays, trial.autograd
    )
    return _unknown(case) if found is None else found[0]


def _unknown(case: Case) -> Bounds:
    # Rounding that crosses a kink moves a whole cotangent.
    return {result: np.full(shape, np.inf) for result, shape in case.shapes.items()}
