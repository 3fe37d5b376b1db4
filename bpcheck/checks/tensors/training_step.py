"""One module before and after a step of its weights: what it made of the old ones is not kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.tensors.asked import (
    Asked,
    engine,
    leads,
    numbers,
    told,
    tried,
    why_not_here,
)
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_one_of
from bpcheck.finding import Kind, Outcome

NAME = "training step"

#: One small case in so many is asked.
EVERY = 12


def check_step(trial: Trial) -> tuple[Outcome, ...]:
    """One instance gives what another gives that has the new weights from the start.

    All other rows make an instance for each call. Here one is called, its weights are changed in
    place, as an optimizer does, or where it has none its input is another; it is called again.
    """
    why = why_not_here(trial)
    if not why and not (leads(trial) or is_one_of(trial.case, EVERY)):
        why = "left to other cases"
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    once, anew = tried(_after_a_step, asked), tried(_made_anew, asked)
    if not anew.returned:
        return unjudged(trial, NAME, "it fails outside of this row too")
    if not once.returned:
        message = (
            f"at the second call of one module, after {_changed(trial)}, it raises {told(once)}"
        )
        raised = failed(trial, NAME, "y", Kind.STATE, message, exception=once.exception)
        return first_of_each(trial, NAME, [raised])
    return first_of_each(trial, NAME, _violations(trial, once.value, anew.value))


def _changed(trial: Trial) -> str:
    what = "its weights were" if len(trial.arrays.operands) > 1 else "its input was"
    return f"{what} changed in place"


def _after_a_step(asked: Asked) -> dict[str, Array]:
    """What an instance gives at its second call, after a step."""
    import torch

    standing = asked.standing()
    leaves = asked.leaves()
    standing.hold(leaves)
    _results(asked, standing, leaves)
    stepped = _stepped(asked)
    with torch.no_grad():
        standing.hold(stepped)
    return _results(asked, standing, stepped)


def _made_anew(asked: Asked) -> dict[str, Array]:
    """What an instance gives that has had no other weights."""
    standing, stepped = asked.standing(), _stepped(asked)
    standing.hold(stepped)
    return _results(asked, standing, stepped)


def _stepped(asked: Asked) -> dict[str, Any]:
    """The operands with other weights; with another input where there are none."""
    import torch

    leaves = asked.leaves()
    changed = list(leaves)[1:] or list(leaves)
    with torch.no_grad():
        for name in changed:
            # Negated, and in another order: no sum has more bits than before.
            leaves[name].copy_(-leaves[name].flip(0))
    return leaves


def _results(asked: Asked, standing: Any, leaves: dict[str, Any]) -> dict[str, Array]:
    own = standing.operands(leaves)
    y = standing.call(own)
    bars = engine(y, own, asked.cotangent)
    found = {"y": y, **{f"{name}_bar": bar for name, bar in bars.items()}}
    return {name: numbers(each) for name, each in found.items() if each is not None}


def _slack(trial: Trial, result: str) -> Array | None:
    if trial.case.lattice is not None:
        return slack_between_runs(trial, result)
    stepped = {name: numbers(each) for name, each in _stepped(Asked.of(trial)).items()}
    arrays = replace(trial.arrays, operands=stepped)
    return slack_between_runs(trial, result, (trial.case, arrays))


def _violations(trial: Trial, once: dict[str, Array], anew: dict[str, Array]) -> Iterator[Outcome]:
    for result, right in anew.items():
        got = once.get(result)
        if got is None or got.shape != right.shape:
            now = "missing" if got is None else f"of shape {got.shape}"
            message = f"{result} is {now} at the second call of one module after {_changed(trial)}"
            yield failed(trial, NAME, result, Kind.STATE, message)
            continue
        if np.array_equal(got, right, equal_nan=True):
            continue
        where = difference(got, right, _slack(trial, result))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} at the second call of one module "
                f"after {_changed(trial)}, and {number(where.expected)} in one that is made with "
                "them: what was made at the first call is used again"
            )
            yield failed(trial, NAME, result, Kind.STATE, message, where)
