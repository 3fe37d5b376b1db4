"""An element of any operation's gradient: the slope of each output times its cotangent."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.operations.formed import Formed
from bpcheck.operations.torch_vjp import torch_vjp

#: Outputs up to which the slope of each is asked of torch, one backward each.
MOST_OUTPUTS = 64


def formed_by_slopes(
    case: Case, result: str, index: tuple[int, ...], arrays: Mapping[str, Array]
) -> Formed | None:
    """The outputs that an operand's element moves, by how much; ``None`` for ``y``, or too many."""
    shape = case.shapes["y"]
    if result == "y" or prod(shape) > MOST_OUTPUTS:
        return None
    operands = {name: array for name, array in arrays.items() if name != "y_bar"}
    forward, params = case.operation.torch_forward, case.params
    slopes, outputs = [], []
    for output in np.ndindex(*shape):
        one = np.zeros(shape)
        one[output] = 1
        slope = float(torch_vjp(forward, operands, one, params)[result][index])
        # NaN is no 0.
        if slope != 0:
            slopes.append(slope)
            outputs.append(output)
    spelt = ",".join(map(str, index))
    rows = np.array(outputs, np.int64).reshape(len(outputs), len(shape))
    name = result.removesuffix("_bar")
    moves = "moves" if outputs else "moves no element of y"
    return Formed(
        head=f"{name}{f'[{spelt}]' if spelt else ''}, by torch's slopes, {moves}",
        factors={"y_bar": rows},
        groups={"y": rows},
        slopes=np.array(slopes, float),
    )
