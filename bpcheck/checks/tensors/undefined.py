"""A cotangent that is undefined: zeros, or nothing, and no crash."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from bpcheck.calls import Call
from bpcheck.checks.outcomes import failed, first_of_each, unjudged
from bpcheck.checks.split import of_gradients
from bpcheck.checks.tensors.asked import Asked, numbers, told, tried, why_not
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "undefined cotangent"


def check_undefined(trial: Trial) -> tuple[Outcome, ...]:
    """Where what comes after sends no cotangent at all, every gradient is 0 or missing.

    That is so of every function of which one output of several is used, or below one that has no
    gradient for it: backward then gets ``None`` if it has said ``set_materialize_grads(False)``.
    """
    why = why_not(trial, NAME)
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    if not tried(asked.gradients).returned:
        return unjudged(trial, NAME, "the backward fails anyway")
    ended = tried(_bars, asked)
    return of_gradients(first_of_each(trial, NAME, _violations(asked, ended)))


def _bars(asked: Asked) -> dict[str, Any]:
    import torch

    leaves = asked.leaves()
    y = _nothing().apply(asked.apply(leaves))
    if not y.requires_grad:
        return {}
    found = torch.autograd.grad(y.sum(), list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, found, strict=True))


@cache
def _nothing() -> Any:
    """A function whose backward has no gradient."""
    import torch

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: Any) -> Any:  # noqa: ARG004 - torch's signature
            return y.clone()

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:  # noqa: ARG004 - torch's signature
            return None

    return Nothing


def _violations(asked: Asked, ended: Call) -> Iterator[Outcome]:
    trial = asked.trial
    if not ended.returned:
        message = (
            f"an undefined cotangent raises {told(ended)}: leave set_materialize_grads as it is, "
            "or take None for zeros"
        )
        result = f"{asked.names[0]}_bar"
        yield failed(trial, NAME, result, Kind.UNDEFINED, message, exception=ended.exception)
        return
    for name, bar in ended.value.items():
        if bar is not None and numbers(bar).any():
            message = f"{name}_bar is not 0 where no cotangent arrives: None is taken for something"
            yield failed(trial, NAME, f"{name}_bar", Kind.UNDEFINED, message)
