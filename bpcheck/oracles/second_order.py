"""The derivatives of a vjp: what differentiating a backward once more gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.filling import Arrays

#: A gradient, and what it is differentiated by: an operand, or the cotangent ``y_bar``.
Pair = tuple[str, str]


def second_order(
    apply: Callable[[dict[str, Any]], Any],
    leaves: Mapping[str, Any],
    y_bar: Any,
    directions: Mapping[str, Any],
) -> dict[Pair, Any]:
    """The derivative of each gradient along a direction, by each operand and by the cotangent.

    Parameters
    ----------
    apply
        From the operands to ``y``.
    leaves, y_bar
        Tensors that need a gradient.
    directions
        For each operand, a tensor that its gradient is multiplied by.

    Returns
    -------
    dict
        One entry for each operand's gradient and each thing it may depend on; ``None`` where no
        path leads there, and no entry for a gradient that has no graph.
    """
    import torch

    y = apply(dict(leaves))
    bars: Any = torch.autograd.grad(
        y, list(leaves.values()), y_bar, create_graph=True, allow_unused=True
    )
    by = {**leaves, "y_bar": y_bar}
    found: dict[Pair, Any] = {}
    for (name, direction), bar in zip(directions.items(), bars, strict=True):
        if bar is None or not bar.requires_grad:
            continue
        along = (bar * direction).sum()
        seconds: Any = torch.autograd.grad(
            along, list(by.values()), retain_graph=True, allow_unused=True
        )
        found |= {(name, other): each for other, each in zip(by, seconds, strict=True)}
    return found


def torch_second_order(
    case: Case, arrays: Arrays, directions: Mapping[str, Array]
) -> dict[Pair, Array | None]:
    """The same of torch's own operation, in float64."""
    import numpy as np
    import torch

    def tensor(array: Array) -> Any:
        return torch.from_numpy(np.array(array, np.float64, order="C"))

    leaves = {name: tensor(each).requires_grad_() for name, each in arrays.operands.items()}
    with torch.enable_grad():
        found = second_order(
            lambda operands: case.operation.torch_forward(operands, case.params),
            leaves,
            tensor(arrays.y_bar).requires_grad_(),
            {name: tensor(each) for name, each in directions.items()},
        )
    return {pair: None if each is None else each.detach().numpy() for pair, each in found.items()}
