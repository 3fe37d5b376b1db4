"""`torch.func.vmap`, over operands, over whole vjps, and over a batch of cotangents: a loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.calls import Call
from bpcheck.checks.allowed import between_right, is_right, quotient_bound
from bpcheck.checks.compare import difference
from bpcheck.checks.outcomes import element, failed, first_of_each, number, unjudged
from bpcheck.checks.tensors.asked import Asked, engine, missing, numbers, told, tried, why_not
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome

NAME = "vmap"

#: What torch says of code that lacks a rule for vmaps; other errors are of other causes.
_OF_RULES = ("an autograd.Function", "vmap staticmethod", "register_vmap")

_REMEDY = (
    "; a Function needs setup_context, and generate_vmap_rule = True or a static vmap, and an "
    "operator register_vmap"
)

#: By result: what a vmap gives, and what a loop does.
Both = dict[str, tuple[Array | None, Array | None]]


def check_vmap(trial: Trial) -> tuple[Outcome, ...]:
    """What a vmap over two cases of the same shapes gives is what the two give one by one."""
    claimed = trial.subject.claims.vmap
    why = "not claimed" if claimed is False else why_not(trial, NAME)
    if not why and not all(is_right(trial, result) for result in trial.got):
        why = "the results are wrong anyway"
    if why:
        return unjudged(trial, NAME, why)
    asked = Asked.of(trial)
    other = Asked(_Other(trial), asked.code)
    found: list[Outcome] = []
    refused = ""
    for when, way in _WAYS.items():
        with _unwarned():
            ended = tried(way.both, asked, other)
        if ended.returned:
            found += _violations(trial, when, ended.value, _second(asked, other, way))
        else:
            refused = refused or _refusal(when, ended)
    outcomes = first_of_each(trial, NAME, found)
    if refused and not found:
        # What could be asked has passed; the others are told of.
        return missing(trial, NAME, refused, is_claimed=claimed, results=["y"])
    return outcomes


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """No remarks of torch on what is slow: they go past Python to the standard error."""
    import torch

    functorch = getattr(torch._C, "_functorch", None)  # noqa: SLF001 - there is no public switch
    switch = getattr(functorch, "_set_vmap_fallback_warning_enabled", lambda is_on: None)
    switch(False)  # noqa: FBT003 - it has no names
    try:
        yield
    finally:
        switch(True)  # noqa: FBT003 - as above


class _Other(Trial):
    """The same geometry with the numbers of another case."""

    def __init__(self, trial: Trial):
        super().__init__(trial.subject, replace(trial.case, seed=trial.case.seed + 1, one_hot=None))
        self._numbers = trial.others

    @property
    def arrays(self) -> Arrays:
        """The other arrays."""
        return self._numbers


def _refusal(when: str, ended: Call) -> str:
    lacks_a_rule = any(each in ended.error for each in _OF_RULES)
    return f"{when} is not supported: {told(ended)}" + (_REMEDY if lacks_a_rule else "")


def _over_operands(
    asked: Asked, other: Asked, mapped: tuple[str, ...], *, is_last: bool = False
) -> Both:
    """``y`` where these operands are mapped over their first axis, and the others are the same.

    Or their last: a vmap of one's own is told of the axis, and may take it to be the first.
    """
    import torch

    first, second = asked.leaves(()), other.leaves(())
    axes = {name: each.ndim if is_last else 0 for name, each in first.items()}
    given = {
        name: torch.stack([first[name], second[name]], axes[name])
        if name in mapped
        else first[name]
        for name in first
    }

    def function(*operands: Any) -> Any:
        return asked.apply(dict(zip(given, operands, strict=True)))

    dims = tuple(axes[name] if name in mapped else None for name in given)
    got = torch.func.vmap(function, in_dims=dims)(*given.values())
    one_by_one = [asked.apply(first), asked.apply({**first, **{n: second[n] for n in mapped}})]
    return {"y": (numbers(got), np.stack([numbers(each) for each in one_by_one]))}


def _over_first(asked: Asked, other: Asked) -> Both:
    return _over_operands(asked, other, asked.names[:1])


def _over_last_axis(asked: Asked, other: Asked) -> Both:
    return _over_operands(asked, other, asked.names[:1], is_last=True)


def _over_rest(asked: Asked, other: Asked) -> Both:
    return _over_operands(asked, other, asked.names[1:]) if asked.names[1:] else {}


def _over_vjps(asked: Asked, other: Asked) -> Both:
    """Gradients of each of two samples of the first operand, with the other operands shared."""
    import torch

    first, second = asked.leaves(()), other.leaves(())
    name = asked.names[0]
    bars = [asked.cotangent, other.cotangent]

    def gradients(x: Any, y_bar: Any) -> Any:
        def function(*operands: Any) -> Any:
            return asked.apply(dict(zip(first, operands, strict=True)))

        func: Any = torch.func.vjp
        _, pullback = func(function, *(first | {name: x}).values())
        return pullback(y_bar)

    mapped = torch.stack([first[name], second[name]])
    got = torch.func.vmap(gradients)(mapped, torch.stack(bars))
    loop = [
        _engine_bars(asked, first | {name: each}, y_bar)
        for each, y_bar in zip((first[name], second[name]), bars, strict=True)
    ]
    return _paired(asked, got, loop)


def _over_cotangents(asked: Asked, other: Asked) -> Both:
    """Gradients for a batch of cotangents: ``is_grads_batched``."""
    import torch

    leaves = asked.leaves()
    bars = [asked.cotangent, other.cotangent]
    y = asked.apply(leaves)
    if not y.requires_grad:
        return {}
    got = torch.autograd.grad(
        y, list(leaves.values()), torch.stack(bars), is_grads_batched=True, allow_unused=True
    )
    return _paired(asked, got, [_engine_bars(asked, asked.leaves(()), each) for each in bars])


def _engine_bars(asked: Asked, operands: Mapping[str, Any], y_bar: Any) -> list[Any]:
    leaves = {name: each.detach().clone().requires_grad_() for name, each in operands.items()}
    return list(engine(asked.apply(leaves), leaves, y_bar).values())


def _paired(asked: Asked, got: Any, loop: list[list[Any]]) -> Both:
    found: Both = {}
    for place, name in enumerate(asked.names):
        one_by_one = [each[place] for each in loop]
        right = None if None in one_by_one else np.stack([numbers(each) for each in one_by_one])
        mine = got[place]
        found[f"{name}_bar"] = None if mine is None else numbers(mine), right
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """One vmap: what it gives, and which of its arrays are others in the second of the two."""

    both: Callable[[Asked, Asked], Both]
    mapped: Callable[[tuple[str, ...]], tuple[str, ...]]


_WAYS: Mapping[str, _Way] = {
    "a vmap over the first operand": _Way(_over_first, lambda names: names[:1]),
    "a vmap over the other operands": _Way(_over_rest, lambda names: names[1:]),
    "a vmap over vjps": _Way(_over_vjps, lambda names: (*names[:1], "y_bar")),
    "a batch of cotangents (is_grads_batched)": _Way(_over_cotangents, lambda _: ("y_bar",)),
    "a vmap over the last axis of the first operand": _Way(
        _over_last_axis, lambda names: names[:1]
    ),
}


def _second(asked: Asked, other: Asked, way: _Way) -> Arrays:
    """The numbers of the second of the two."""
    mapped = way.mapped(asked.names)
    first, second = asked.trial.arrays, other.trial.arrays
    taken = {name: each for name, each in second.operands.items() if name in mapped}
    y_bar = second.y_bar if "y_bar" in mapped else first.y_bar
    return replace(first, operands={**first.operands, **taken}, y_bar=y_bar)


def _violations(trial: Trial, when: str, both: Both, second: Arrays) -> Iterator[Outcome]:
    for result, (got, right) in both.items():
        if right is None:
            continue
        if got is None or got.shape != right.shape:
            message = f"{result} is {'None' if got is None else 'of another shape'} in {when}"
            yield failed(trial, NAME, result, Kind.VMAP, message)
            continue
        if np.array_equal(got, right, equal_nan=True):
            continue
        where = difference(got, right, _slack(trial, result, right, second))
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} in {when}, and "
                f"{number(where.expected)} in a loop"
            )
            yield failed(trial, NAME, result, Kind.VMAP, message, where)


def _slack(trial: Trial, result: str, right: Array, second: Arrays) -> Array | None:
    """What rounded quotients explain of two results; other numbers are as large as these.

    Of what is no sum of products: what may lie between two right kernels, on either numbers.
    """
    if trial.case.lattice is None:
        return np.stack([between_right(trial, each)[result] for each in (trial.arrays, second)])
    if not trial.case.operation.divides:
        return None
    return np.full(right.shape, 4 * float(quotient_bound(trial, result).max(initial=0)))
