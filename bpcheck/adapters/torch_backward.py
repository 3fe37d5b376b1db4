"""The gradients of a torch result, as its backward returned them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch.autograd.function import BackwardCFunction

Gradients = Sequence[torch.Tensor | None]


def gradients(y: torch.Tensor, leaves: Sequence[torch.Tensor], y_bar: torch.Tensor) -> Gradients:
    """One gradient for each leaf; ``None`` where autograd finds no path to it.

    The engine casts a gradient of the wrong dtype and sums one of the wrong shape, silently. Where
    an `autograd.Function` alone lies between the leaves and `y`, its backward is therefore called
    without the engine, and what it returned is what is judged.
    """
    if not y.requires_grad:
        return [None] * len(leaves)
    if not leaves:
        return []
    returned = _returned(y, leaves, y_bar)
    if returned is not None:
        return returned
    return torch.autograd.grad(y, leaves, y_bar, retain_graph=True, allow_unused=True)


def _returned(
    y: torch.Tensor, leaves: Sequence[torch.Tensor], y_bar: torch.Tensor
) -> Gradients | None:
    """What the one Function of `y` returns; ``None`` where the engine must do more, or complain."""
    node = y.grad_fn
    if not isinstance(node, BackwardCFunction):
        return None
    outputs = len(node._input_metadata)  # noqa: SLF001 - torch tells it nowhere else
    if outputs != 1:
        return None
    inputs = [getattr(above, "variable", None) for above, _ in node.next_functions if above]
    places = [place for place, needed in enumerate(node.needs_input_grad) if needed]
    if len(inputs) != len(places) or not _is_permutation(inputs, leaves):
        return None
    with torch.no_grad():
        returned: Any = node.apply(y_bar)
    returned = returned if isinstance(returned, tuple) else (returned,)
    asked = len(node.needs_input_grad)
    if all(each is None for each in returned[asked:]):
        # For arguments that were left to their defaults; the engine drops them as well.
        returned = returned[:asked]
    if len(returned) != asked or not all(
        each is None or isinstance(each, torch.Tensor) for each in returned
    ):
        return None
    by_leaf = {id(leaf): returned[place] for leaf, place in zip(inputs, places, strict=True)}
    return cast(Gradients, [by_leaf[id(leaf)] for leaf in leaves])


def _is_permutation(inputs: Sequence[Any], leaves: Sequence[torch.Tensor]) -> bool:
    return sorted(map(id, inputs)) == sorted(map(id, leaves))
