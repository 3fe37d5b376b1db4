"""Other conventions at a kink of the network: which gradients some choice of subgradients explains.

At a preactivation that is exactly 0 a ReLU may be given any slope from 0 to 1, and a maximum of
several equal cells may send its cotangent to any of them, or a share to each. Torch takes the slope
0 and the first cell. All that other choices can make of a gradient lies between two numbers for
each element; they are carried from layer to layer beside the errors.

The cells of a window get no more than its whole cotangent together. A bias adds a plane up, so its
gradient is bounded window by window: there a kernel shows that rewards every tie in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.network.bounds import Analysis, slope_of
from bpcheck.operations.network.forward_errors import Inexact
from bpcheck.operations.network.layers import convolve_back, pair_up, spread
from bpcheck.operations.promises import Growth
from bpcheck.operations.torch_vjp import few_threads


def are_explained(
    results: Mapping[str, Array],
    arrays: Mapping[str, Array],
    params: dict[str, Any],
    growths: Sequence[Growth],
    floor: float,
) -> bool:
    """Whether some choice at each kink, and rounding, gives every gradient.

    `growths` are those of all that rounds, the oracle too; `floor` is what underflow may do.
    """
    import torch

    with few_threads(arrays), torch.no_grad():
        operands = {name: torch.from_numpy(array) for name, array in arrays.items()}
        analysis = _Choices(operands, params, growths)
        found = analysis.run()
    if found is None:
        return False
    for name, (center, choice) in analysis.explained.items():
        slack = choice + 2 * found[name].sum(0) + floor
        if not bool(np.all(np.abs(results[name] - center.numpy()) <= slack.numpy())):
            return False
    return True


class _Choices(Analysis):
    """The same with every choice at every kink: `value` is the middle, `choice` how far they go."""

    def __init__(self, operands: dict[str, Any], params: dict[str, Any], growths: Sequence[Growth]):
        super().__init__(operands, params, growths)
        #: Of each gradient: the middle of what the choices lead to, and how far they lead from it.
        self.explained: dict[str, tuple[Any, Any]] = {}
        #: Of each convolution's bias: the same, for one block.
        self._of_bias: tuple[Any, Any]

    def _found(self, result: str, bar: Inexact) -> Any:
        self.explained[result] = (bar.value, bar.choice)
        return bar.error

    def _unpool(self, block: int, delta: Inexact) -> Inexact:
        z, size = self._preactivations[block], self._params["pool_size"][block]
        low = high = slope_of(self._params["activation"], z.value)
        if self._params["activation"] == "relu":
            high = low + (z.value == 0)
        if self._is_max:
            share = self._tied[block].to(low.dtype)
            # A cell that ties with others may get nothing.
            least = share * spread(_sums(share, size) < 2, size, z.value.shape[2:])
        else:
            share = least = low.new_full(low.shape, 1 / (size[0] * size[1]))

        def upsample(values: Any) -> Any:
            return spread(values, size, z.value.shape[2:])

        reach = _reach(delta)
        center, choice = _between(upsample(delta.value), upsample(reach), least * low, share * high)
        if self._is_max:
            of_windows = _between(delta.value, reach, *_slopes_of_windows(low, high, share, size))
        else:
            of_windows = center, choice
        self._of_bias = of_windows[0].sum((0, 2, 3)), of_windows[1].sum((0, 2, 3))
        # Rounding is that of the largest choice, in every cell that may get anything.
        slope_error = self._slope_error(z, high) + self._grow(3, high)
        error = upsample(delta.error) * high + upsample(delta.size) * slope_error
        return Inexact(center, share * error, choice)

    def _conv_gradients(self, block: int, a: Inexact, delta: Inexact) -> dict[str, Any]:
        found = super()._conv_gradients(block, a, delta)
        w = self._operands[f"w{block + 1}"]
        window = self._window(block)
        self.explained[f"w{block + 1}_bar"] = (
            pair_up(a.value, delta.value, w.shape, *window),
            pair_up(a.value.abs(), _reach(delta), w.shape, *window),
        )
        self.explained[f"b{block + 1}_bar"] = self._of_bias
        return found

    def _conv_input(self, block: int, a: Inexact, delta: Inexact) -> Inexact:
        found = super()._conv_input(block, a, delta)
        w, plane = self._operands[f"w{block + 1}"], a.value.shape[2:]
        reach = convolve_back(_reach(delta), w.abs(), plane, *self._window(block))
        return Inexact(found.value, found.error, reach)


def _reach(delta: Inexact) -> Any:
    return delta.value.new_zeros(delta.value.shape) + delta.choice


def _between(value: Any, reach: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The middle of ``(value +- reach) * [low, high]``, and how far it goes; `low` is 0 or more."""
    return value * (low + high) / 2, value.abs() * (high - low) / 2 + reach * high


def _slopes_of_windows(low: Any, high: Any, share: Any, size: Any) -> tuple[Any, Any]:
    """The least and the largest slope among the cells of each window that tie."""
    from torch.nn.functional import max_pool2d

    others = share == 0
    least = -max_pool2d((-low).masked_fill(others, -float("inf")), size)
    return least, max_pool2d(high.masked_fill(others, -float("inf")), size)


def _sums(values: Any, size: Any) -> Any:
    from torch.nn.functional import avg_pool2d

    return avg_pool2d(values, size, divisor_override=1)
