"""What a call does to the operands' autograd state beside returning: their flags, and `grad`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bpcheck.checks.outcomes import failed
from bpcheck.checks.tensors.asked import Asked, engine, tried
from bpcheck.finding import Kind, Outcome

_ROW = "needs grad"


def beside_returning(asked: Asked) -> Iterator[Outcome]:
    """A frozen operand stays frozen, and gradients are returned, not written into ``.grad``.

    `torch.autograd.grad` leaves every ``.grad`` as it is; where a backward adds to one itself, a
    ``.backward()`` counts that gradient twice.
    """
    yield from _thawed(asked)
    yield from _written(asked)


def _thawed(asked: Asked) -> Iterator[Outcome]:
    for frozen in asked.names:
        leaves = asked.leaves(set(asked.names) - {frozen})
        if tried(asked.apply, leaves).returned and leaves[frozen].requires_grad:
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
