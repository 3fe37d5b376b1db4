"""Derivatives in forward mode: those of the forward, and the adjoint of the vjp."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import Call
from bpcheck.checks.allowed import is_right, quotient_bound
from bpcheck.checks.compare import Difference, difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.tensors.asked import Asked, missing, numbers, told, tried, why_not
from bpcheck.checks.tensors.seconds import (
    directions,
    explained,
    is_nearer_to_slope,
    seconds_of,
    why_no_seconds,
)
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome
from bpcheck.operations.torch_vjp import torch_vjp

NAME = "forward mode"


def check_forward_mode(trial: Trial) -> tuple[Outcome, ...]:
    """``J v`` is what the forward changes by along `v`, exactly, for each operand and for all.

    Of what is smooth it is the derivative of ``<x_bar, v>`` by the cotangent, by torch's own graph,
    within what random rounding does to that. The adjoint identity ``<y_bar, J v> == <x_bar, v>``
    then says whom it contradicts.
    """
    claimed = trial.subject.claims.forward_mode
    why = "not claimed" if claimed is False else why_not(trial, NAME)
    if not why and not is_right(trial, "y"):
        why = "the forward is wrong"
    if why := why or why_no_seconds(trial):
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    along = directions(trial)
    tangents: dict[str, Array] = {}
    for name, direction in along.items():
        ended = tried(_tangent, asked, {name: direction})
        if not ended.returned:
            text = _not_there(ended)
            return missing(trial, NAME, text, is_claimed=claimed, results=["y"])
        if ended.value is None and _matters(trial, name, direction):
            text = (
                f"the tangent of {name} is silently lost: y has none; a static jvp(ctx, *tangents) "
                "gives a Function one"
            )
            return missing(trial, NAME, text, is_claimed=claimed, results=["y"])
        tangents[name] = 0 * trial.got["y"] if ended.value is None else ended.value
    found = list(_violations(asked, along, tangents))
    if not found:
        transformed = tried(_transformed, asked, along)
        if not transformed.returned:
            text = f"torch.func.jvp raises {told(transformed)}"
            return missing(trial, NAME, text, is_claimed=claimed, results=["y"])
        found = list(_unlike_sum(asked, tangents, transformed.value))
    outcomes = first_of_each(trial, NAME, found)
    return tuple(each if each.result == "y" else _silent(trial, each) for each in outcomes)


def _silent(trial: Trial, outcome: Outcome) -> Outcome:
    silent = unjudged(trial, NAME, "forward mode has y alone")
    return next(each for each in silent if each.result == outcome.result)


def _not_there(ended: Call) -> str:
    return f"there is none: {told(ended)}; a static jvp(ctx, *tangents) gives a Function one"


def _matters(trial: Trial, name: str, direction: Array) -> bool:
    """Whether ``y`` changes along an operand, which has a tangent then; no cotangent tells that."""
    if trial.case.lattice is None:
        right, bound = _smooth(trial, name)
        return bool(np.any(np.abs(right) > bound))
    changed = trial.evaluate(_moved(trial, name, direction))
    return changed is None or not np.array_equal(changed, trial.plain.got["y"])


def _smooth(trial: Trial, name: str) -> tuple[Array, Array]:
    """The tangent of ``y`` along an operand where it is smooth, and what it may be off by."""
    found, pair, y = seconds_of(trial), (name, "y_bar"), trial.got["y"]
    assert found is not None  # noqa: S101 - why_no_seconds has looked
    return found.value(pair, y), found.bound(pair, y)


def _tangent(asked: Asked, along: dict[str, Array]) -> Array | None:
    """The tangent of ``y``, if it has one, for tangents of some operands, others having none."""
    from torch.autograd import forward_ad

    operands = {name: leaf.detach() for name, leaf in asked.leaves().items()}
    mode: Any = forward_ad
    with mode.dual_level():
        for name, direction in along.items():
            tangent = asked.tensor(direction).to(operands[name].dtype)
            operands[name] = mode.make_dual(operands[name], tangent)
        y = asked.apply(operands)
        _, y_dot = mode.unpack_dual(y)
        return None if y_dot is None else numbers(y_dot)


def _transformed(asked: Asked, along: dict[str, Array]) -> Array:
    """The same by ``torch.func.jvp``, for all operands at once."""
    import torch

    operands = tuple(leaf.detach() for leaf in asked.leaves().values())
    tangents = tuple(
        asked.tensor(along[name]).to(each.dtype)
        for name, each in zip(asked.names, operands, strict=True)
    )

    def function(*given: Any) -> Any:
        return asked.apply(dict(zip(asked.names, given, strict=True)))

    jvp: Any = torch.func.jvp
    _, y_dot = jvp(function, operands, tangents)
    return numbers(y_dot)


def _violations(
    asked: Asked, along: dict[str, Array], tangents: dict[str, Array]
) -> Iterator[Outcome]:
    trial = asked.trial
    for name, y_dot in tangents.items():
        right = _right(trial, name, along[name])
        if right is None:
            continue
        expected, slack = right
        if y_dot.shape != expected.shape:
            message = f"the tangent of y has the shape {y_dot.shape}"
            yield failed(trial, NAME, "y", Kind.FORWARD_MODE, message)
            return
        where = difference(y_dot, expected, slack)
        if where is None or _is_nearer(trial, name, along[name], where):
            continue
        is_exact = trial.case.lattice is not None
        by_whom = "the forward changes by" if is_exact else "torch's own operation has"
        forward = float((trial.arrays.y_bar.astype(float) * y_dot).sum())
        back = float((trial.got[f"{name}_bar"] * along[name]).sum())
        message = (
            f"the tangent of {element('y', where)} along {name} is {number(where.got)}, and "
            f"{by_whom} {number(where.expected)}{explained(where)}; <y_bar, J v> is "
            f"{number(forward)}, and <{name}_bar, v> is {number(back)}"
        )
        yield failed(trial, NAME, "y", Kind.FORWARD_MODE, message, where)


def _right(trial: Trial, name: str, direction: Array) -> tuple[Array, Array | None] | None:
    """The tangent along one operand, and what it may be off by; ``None`` where nobody knows it."""
    if trial.case.lattice is None:
        return _smooth(trial, name)
    changed = trial.evaluate(_moved(trial, name, direction))
    return None if changed is None else (changed - trial.plain.got["y"], _slack(trial))


def _is_nearer(trial: Trial, name: str, direction: Array, where: Difference) -> bool:
    """Whether differences of torch's forward in float64 lie nearer to the subject's number.

    The graph of torch's double backward has gaps of its own: docs/found-in-torch.md.
    """
    case = trial.case
    if case.lattice is not None:
        return False

    def value(step: float) -> Array:
        operands = {each: np.array(a, np.float64) for each, a in trial.arrays.operands.items()}
        operands[name] = operands[name] + step * direction
        y = torch_vjp(case.operation.torch_forward, operands, trial.arrays.y_bar, case.params)["y"]
        return np.asarray(y[where.index])

    return is_nearer_to_slope(where, value)


def _moved(trial: Trial, name: str, direction: Array) -> dict[str, Array]:
    operands = dict(trial.arrays.operands)
    moved = operands[name].astype(float) + direction
    return operands | {name: moved.astype(operands[name].dtype)}


def _unlike_sum(asked: Asked, tangents: dict[str, Array], y_dot: Array) -> Iterator[Outcome]:
    trial = asked.trial
    total = sum(tangents.values())
    where = difference(y_dot, total + 0.0 * y_dot, _slack(trial))
    if where is not None:
        message = (
            f"the tangent of {element('y', where)} by torch.func.jvp is {number(where.got)}, and "
            f"{number(where.expected)} one operand at a time"
        )
        yield failed(trial, NAME, "y", Kind.FORWARD_MODE, message, where)


def _slack(trial: Trial) -> Array | None:
    """What rounding explains: of quotients, of three results of which each has them."""
    if trial.case.lattice is None:
        # Each tangent, and their sum, which is added up again.
        limits = [_smooth(trial, name) for name in trial.arrays.operands]
        unit = trial.format.unit_roundoff
        return np.sum([2 * bound + unit * np.abs(right) for right, bound in limits], axis=0)
    return 4 * quotient_bound(trial, "y") if trial.case.operation.divides else None
