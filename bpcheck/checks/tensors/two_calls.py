"""One module in two places of a network: two calls, and then the first one's backward.

Networks that share weights call a layer so: both twins of a siamese one, each step of a recurrent
one. What the second call writes must not reach what the first one has returned, or has kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, number
from bpcheck.checks.tensors.asked import Asked, engine, numbers, told, tried
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

#: By result: its numbers.
Made = dict[str, Array]


def of_two_calls(trial: Trial, row: str) -> tuple[list[Outcome], str]:
    """What is wrong, and what is told where torch raises an error, which is honest."""
    asked = Asked.of(trial)
    alone, called = tried(_of_first, asked), tried(_of_first_of_two, asked)
    if not alone.returned:
        return [], ""
    if not called.returned:
        return [], (
            f"a second call of one module before the first one's backward raises {told(called)}: "
            "networks that share a layer make one"
        )
    found = list(_violations(trial, row, called.value, alone.value))
    if not found and _is_overwritten(asked):
        message = (
            "y of one module changes at its next call where no graph is recorded: it lies in "
            "memory that each call writes; return a new tensor"
        )
        found = [failed(trial, row, "y", Kind.ALIASES, message)]
    return found, ""


def _of_first_of_two(asked: Asked) -> Made:
    return _of_first(asked, is_called_again=True)


def _of_first(asked: Asked, *, is_called_again: bool = False) -> Made:
    """``y`` and gradients of a call, perhaps with another one before its backward."""
    standing, leaves = asked.standing(), asked.leaves()
    standing.hold(leaves)
    own = standing.operands(leaves)
    y = standing.call(own)
    if is_called_again:
        standing.call({**own, **_another_input(asked)})
    made = {"y": numbers(y)}
    bars = engine(y, own, asked.cotangent)
    return made | {f"{name}_bar": numbers(bar) for name, bar in bars.items() if bar is not None}


def _another_input(asked: Asked) -> dict[str, Any]:
    first, *_ = asked.names
    return {first: asked.tensor(asked.trial.others.operands[first]).requires_grad_()}


def _is_overwritten(asked: Asked) -> bool:
    """Whether a call that records no graph changes the ``y`` of the one before."""
    import torch

    def both() -> bool:
        standing, leaves = asked.standing(), asked.leaves()
        standing.hold(leaves)
        own = standing.operands(leaves)
        with torch.no_grad():
            y = standing.call(own)
            before = numbers(y)
            standing.call({**own, **_another_input(asked)})
        return not np.array_equal(numbers(y), before, equal_nan=True)

    ended = tried(both)
    return ended.returned and bool(ended.value)


def _violations(trial: Trial, row: str, called: Made, alone: Made) -> Iterator[Outcome]:
    for result, right in alone.items():
        got = called.get(result)
        if got is None or got.shape != right.shape:
            message = f"{result} is missing where one module is called twice before the backward"
            yield failed(trial, row, result, Kind.STATE, message)
            continue
        where = difference(got, right, slack_between_runs(trial, result))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} where one module is called again "
                f"before the first call's backward, and {number(where.expected)} where it is not: "
                "keep what the backward needs by ctx.save_for_backward, in memory of its own"
            )
            yield failed(trial, row, result, Kind.STATE, message, where)
