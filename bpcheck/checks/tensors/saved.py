"""What is kept for the backward: an operand changed in place since must raise, or not matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.split import of_gradients
from bpcheck.checks.tensors.asked import Asked, engine, numbers, tried, why_not
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "saved tensors"


def check_saved(trial: Trial) -> tuple[Outcome, ...]:
    """Each operand, changed in place before the backward: an error, or the gradients as they were.

    `save_for_backward` counts the versions of what it is given; attributes of the context do not.
    """
    why = "" if trial.subject.claims.in_place else "not claimed"
    why = why or why_not(trial, NAME)
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    before = tried(_bars, asked, None)
    if not before.returned:
        return unjudged(trial, NAME, "the backward fails anyway")
    return of_gradients(first_of_each(trial, NAME, _violations(asked, before.value)))


def _bars(asked: Asked, changed: str | None) -> dict[str, Array | None]:
    import torch

    leaves = asked.leaves()
    y = asked.apply(leaves)
    if changed is not None:
        with torch.no_grad():
            # An optimizer's step, between a forward and a backward that came too late.
            leaves[changed].mul_(-2).add_(1)
    found = engine(y, leaves, asked.cotangent)
    return {name: None if bar is None else numbers(bar) for name, bar in found.items()}


def _violations(asked: Asked, expected: dict[str, Array | None]) -> Iterator[Outcome]:
    trial = asked.trial
    for changed in asked.names:
        ended = tried(_bars, asked, changed)
        if not ended.returned:
            continue
        for name, right in expected.items():
            got: Any = ended.value[name]
            if right is None or got is None or got.shape != right.shape:
                continue
            result = f"{name}_bar"
            where = difference(got, right, slack_between_runs(trial, result))
            if where is not None:
                message = (
                    f"{element(result, where)} is {number(where.got)} where {changed} was changed "
                    f"in place before the backward, and {number(where.expected)} where it was "
                    f"not: keep {changed} by ctx.save_for_backward, which raises then"
                )
                yield failed(trial, NAME, result, Kind.IN_PLACE, message, where)
