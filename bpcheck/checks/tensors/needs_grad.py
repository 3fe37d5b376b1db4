"""Some operands need a gradient and others none: the same numbers, and ``None`` for the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

from bpcheck.calls import Call
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.tensors.asked import Asked, engine, numbers, told, tried, why_not
from bpcheck.checks.tensors.flags import beside_returning
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome, Status

NAME = "needs grad"

#: Told of a backward that computes more than it is asked for.
UNASKED = (
    "gradients are computed that nobody needs: ask ctx.needs_input_grad, and return None for the "
    "others"
)


def check_needs_grad(trial: Trial) -> tuple[Outcome, ...]:
    """Each gradient is what it is where all operands need one, whichever of them do."""
    why = "" if trial.subject.claims.needs_grad else "not claimed"
    why = why or why_not(trial, NAME)
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    whole = tried(_run, asked, asked.names)
    if not whole.returned:
        return unjudged(trial, NAME, "it fails where all operands need a gradient")
    found = chain(beside_returning(asked), _violations(asked, *whole.value))
    return first_of_each(trial, NAME, found)


def _run(asked: Asked, needing: tuple[str, ...]) -> tuple[Any, dict[str, Any], tuple[str, ...]]:
    """``y``, the gradients that are needed, and the operands that have one all the same."""
    leaves = asked.leaves(needing)
    y = asked.apply(leaves)
    return y, engine(y, leaves, asked.cotangent, retain_graph=True), _unasked(asked, y)


def _unasked(asked: Asked, y: Any) -> tuple[str, ...]:
    """The operands for which a Function's own backward returns a gradient that is not needed."""
    import torch
    from torch.autograd.function import BackwardCFunction

    node: Any = y.grad_fn
    if not isinstance(node, BackwardCFunction):
        return ()
    backward: Any = node.apply
    with torch.no_grad():
        returned = backward(asked.cotangent)
    returned = returned if isinstance(returned, tuple) else (returned,)
    needs = y.grad_fn.needs_input_grad
    return tuple(
        name
        for name, bar, needed in zip(asked.names, returned, needs, strict=False)
        if bar is not None and not needed
    )


def _violations(
    asked: Asked, y: Any, bars: dict[str, Any], unasked: tuple[str, ...]
) -> Iterator[Outcome]:
    names = asked.names
    subsets = chain.from_iterable(combinations(names, n) for n in range(len(names) - 1, -1, -1))
    more: tuple[str, ...] = unasked
    for needing in subsets:
        ended = tried(_run, asked, needing)
        if not ended.returned:
            yield _raised(asked, needing, ended)
            return
        y_now, found, unasked_now = ended.value
        more = more or unasked_now
        yield from _unlike(asked, "y", y_now, y, needing)
        for name in needing:
            yield from _unlike(asked, f"{name}_bar", found[name], bars[name], needing)
    if more:
        yield Outcome(NAME, f"{more[0]}_bar", Status.PASSED, remark=UNASKED)


def _raised(asked: Asked, needing: tuple[str, ...], ended: Call) -> Outcome:
    message = f"where {_needed(needing)}, it raises {told(ended)}"
    result = f"{needing[0]}_bar" if needing else "y"
    return failed(asked.trial, NAME, result, Kind.SUBSET, message, exception=ended.exception)


def _unlike(
    asked: Asked, result: str, got: Any, expected: Any, needing: tuple[str, ...]
) -> Iterator[Outcome]:
    trial, when = asked.trial, f"where {_needed(needing)}"
    if got is None or expected is None:
        if got is not expected:
            is_what = "None" if got is None else "there"
            message = f"{result} is {is_what} {when}, and not where all operands do"
            yield failed(trial, NAME, result, Kind.SUBSET, message)
        return
    if got.shape != expected.shape:
        message = f"{result} has the shape {tuple(got.shape)} {when}"
        yield failed(trial, NAME, result, Kind.SUBSET, message)
        return
    where = difference(numbers(got), numbers(expected), slack_between_runs(trial, result))
    if where is not None:
        message = (
            f"{element(result, where)} is {number(where.got)} {when}, and "
            f"{number(where.expected)} where all operands need a gradient"
        )
        yield failed(trial, NAME, result, Kind.SUBSET, message, where)


def _needed(needing: tuple[str, ...]) -> str:
    if not needing:
        return "no operand needs a gradient"
    return f"only {' and '.join(needing)} need{'s' if len(needing) == 1 else ''} a gradient"
