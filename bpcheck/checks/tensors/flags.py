"""What a call does beside returning: to operands, their flags and `grad`, and to an earlier y."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from bpcheck.checks.outcomes import failed
from bpcheck.checks.tensors.asked import Asked, engine, numbers, tried
from bpcheck.finding import Kind, Outcome

_ROW = "needs grad"


def beside_returning(asked: Asked) -> Iterator[Outcome]:
    """A frozen operand stays frozen, and gradients are returned, not written into ``.grad``.

    `torch.autograd.grad` leaves every ``.grad`` as it is; where a backward adds to one itself, a
    ``.backward()`` counts that gradient twice. What takes another path where an operand is frozen
    leaves its numbers alone there too.
    """
    yield from _thawed(asked)
    yield from _written(asked)
    yield from left_alone(asked, _ROW, "where no operand needs a gradient", nullcontext, ())


def left_alone(
    asked: Asked,
    row: str,
    when: str,
    mode: Callable[[], Any],
    needing: tuple[str, ...] | None = None,
) -> Iterator[Outcome]:
    """Two calls change no operand, and the second one not the ``y`` of the first.

    Where no graph is recorded, nothing that a backward needs is spoilt by working in place.
    """
    ended = tried(_two_calls, asked, mode, needing)
    if not ended.returned:
        return
    changed, is_overwritten = ended.value
    for name in changed:
        message = f"{name} is changed by a call {when}: work on a copy"
        yield failed(asked.trial, row, f"{name}_bar", Kind.MUTATES, message)
    if is_overwritten and not changed:
        message = (
            f"y changes at the next call {when}: it lies in memory that each call writes; return a "
            "new tensor"
        )
        yield failed(asked.trial, row, "y", Kind.ALIASES, message)


def _two_calls(
    asked: Asked, mode: Callable[[], Any], needing: tuple[str, ...] | None
) -> tuple[list[str], bool]:
    """The operands that are changed, and whether the first ``y`` is."""
    leaves = asked.leaves(needing)
    others = {
        name: asked.tensor(asked.trial.others.operands[name]).requires_grad_(leaf.requires_grad)
        for name, leaf in leaves.items()
    }
    with mode():
        y = asked.apply(leaves)
        before = numbers(y)
        asked.apply(others)
    return _changed(asked, leaves), not np.array_equal(numbers(y), before, equal_nan=True)


def _changed(asked: Asked, leaves: Mapping[str, Any]) -> list[str]:
    """The operands with other numbers than before; those that every call changes are told of."""
    own = asked.trial.arrays.operands
    return [
        name
        for name, leaf in leaves.items()
        if name in asked.trial.spared
        and not np.array_equal(numbers(leaf), np.array(own[name], np.float64), equal_nan=True)
    ]


def _thawed(asked: Asked) -> Iterator[Outcome]:
    for frozen in asked.names:
        leaves = asked.leaves(set(asked.names) - {frozen})
        ended = tried(asked.apply, leaves)
        if ended.returned and frozen in _changed(asked, leaves):
            message = f"{frozen} is changed by a call where it needs no gradient: work on a copy"
            yield failed(asked.trial, _ROW, f"{frozen}_bar", Kind.MUTATES, message)
        if ended.returned and leaves[frozen].requires_grad:
            message = (
                f"{frozen}.requires_grad is False before the call and True after it: "
                f"whoever froze {frozen} trains it now; take {frozen}.detach() within the call"
            )
            yield failed(asked.trial, _ROW, f"{frozen}_bar", Kind.SUBSET, message)


def _written(asked: Asked) -> Iterator[Outcome]:
    ended = tried(_grads_after, asked)
    if not ended.returned:
        return
    for name, is_left in ended.value.items():
        if not is_left:
            message = (
                f"the backward writes into {name}.grad itself, and torch.autograd.grad is to leave "
                f"it as it is: .backward() counts that gradient twice; return it alone"
            )
            yield failed(asked.trial, _ROW, f"{name}_bar", Kind.SUBSET, message)


def _grads_after(asked: Asked) -> dict[str, bool]:
    """Whether ``.grad`` of each operand is left by a backward whose gradients are returned."""
    import torch

    leaves: dict[str, Any] = asked.leaves()
    for leaf in leaves.values():
        leaf.grad = torch.zeros_like(leaf)
    y = asked.apply(leaves)
    # Of ones: a cotangent of zeros would write nothing.
    engine(y, leaves, torch.ones_like(asked.cotangent))
    return {
        name: leaf.grad is not None and not torch.count_nonzero(leaf.grad)
        for name, leaf in leaves.items()
    }
