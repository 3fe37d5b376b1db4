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
    returned = _returned([y], leaves, [y_bar])
    if returned is not None:
        return returned
    return torch.autograd.grad(y, leaves, y_bar, retain_graph=True, allow_unused=True)


def gradients_of_several(
    outputs: Sequence[torch.Tensor], leaves: Sequence[torch.Tensor], bars: Sequence[torch.Tensor]
) -> Gradients:
    """The same for several outputs with a cotangent each.

    An output whose cotangent is 0 throughout is one that nobody has used: its Function then gets
    what autograd sends it, zeros, or ``None`` if it has said ``set_materialize_grads(False)``.
    """
    differentiable = [(y, bar) for y, bar in zip(outputs, bars, strict=True) if y.requires_grad]
    used = [(y, bar) for y, bar in differentiable if bool((bar != 0).any())]
    if not differentiable:
        return [None] * len(leaves)
    if not leaves:
        return []
    if len(used) == len(outputs):
        returned = _returned(outputs, leaves, bars)
        if returned is not None:
            return returned
    asked = used or differentiable
    found: Gradients = torch.autograd.grad(
        [y for y, _ in asked],
        leaves,
        [bar for _, bar in asked],
        retain_graph=True,
        allow_unused=True,
    )
    if len(asked) == len(outputs):
        return found
    # No path leads from what was used: nothing is missing there.
    return [
        torch.zeros_like(leaf) if bar is None else bar
        for leaf, bar in zip(leaves, found, strict=True)
    ]


def _returned(
    outputs: Sequence[torch.Tensor], leaves: Sequence[torch.Tensor], bars: Sequence[torch.Tensor]
) -> Gradients | None:
    """What their one Function returns; ``None`` where the engine must do more, or complain."""
    node = outputs[0].grad_fn
    if not isinstance(node, BackwardCFunction) or any(y.grad_fn is not node for y in outputs):
        return None
    places = [y.output_nr for y in outputs]
    # Its outputs in their order, each once, and no others.
    if places != list(range(len(node._input_metadata))):  # noqa: SLF001 - torch tells it nowhere else
        return None
    inputs = [getattr(above, "variable", None) for above, _ in node.next_functions if above]
    needed = [place for place, needed in enumerate(node.needs_input_grad) if needed]
    if len(inputs) != len(needed) or not _is_permutation(inputs, leaves):
        return None
    with torch.no_grad():
        returned: Any = node.apply(*bars)
    returned = returned if isinstance(returned, tuple) else (returned,)
    if len(returned) != len(node.needs_input_grad) or not all(
        each is None or isinstance(each, torch.Tensor) for each in returned
    ):
        return None
    by_leaf = {id(leaf): returned[place] for leaf, place in zip(inputs, needed, strict=True)}
    return cast(Gradients, [by_leaf[id(leaf)] for leaf in leaves])


def _is_permutation(inputs: Sequence[Any], leaves: Sequence[torch.Tensor]) -> bool:
    return sorted(map(id, inputs)) == sorted(map(id, leaves))
