"""Groups ignored, concatenated in the wrong order, or interleaved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import AGAINST_TORCH, CONV, Fault
from bpcheck.explain.faults.kernels import x_bar_at
from bpcheck.explain.faults.placing import place
from bpcheck.explain.faults.run import Run, planted, run_of


def _is_grouped(case: Case) -> bool:
    return is_read(case) and bool(case.geometry.g > 1)


def _interleaves_inputs(case: Case) -> bool:
    return _is_grouped(case) and case.geometry.ic // case.geometry.g > 1


def _interleaves_outputs(case: Case) -> bool:
    return _is_grouped(case) and case.geometry.oc // case.geometry.g > 1


def _groups(run: Run) -> int:
    return int(run.params.get("groups", 1))


def _by_group(array: Array, run: Run, axis: int) -> Array:
    """`axis` split into groups and the channels of one."""
    shape = array.shape
    split = (_groups(run), shape[axis] // _groups(run))
    return array.reshape(*shape[:axis], *split, *shape[axis + 1 :])


def _interleaved(array: Array, run: Run, axis: int) -> Array:
    """Channel ``c`` taken to belong to group ``c % groups``."""
    return np.swapaxes(_by_group(array, run, axis), axis, axis + 1).reshape(array.shape)


def _by_remainder(array: Array, run: Run, axis: int) -> Array:
    """The output channels of each group together, where channel ``o`` belongs to ``o % groups``."""
    shape = array.shape
    split = (shape[axis] // _groups(run), _groups(run))
    parts = array.reshape(*shape[:axis], *split, *shape[axis + 1 :])
    return np.ascontiguousarray(np.swapaxes(parts, axis, axis + 1).reshape(shape))


def _x_bar_by_remainder(run: Run, y_bar: Array, bar: Any) -> Array:
    w = _by_remainder(run.operands["w"], run, 0)
    return run.once_more(w=w).bars(_by_remainder(y_bar, run, 1))["x_bar"]


def _w_bar_by_remainder(run: Run, y_bar: Array, bar: Any) -> Array:
    found = run.bars(_by_remainder(y_bar, run, 1))["w_bar"]
    return np.ascontiguousarray(_interleaved(found, run, 0))


def _has_multiplier(case: Case) -> bool:
    """A depthwise layer that makes several output channels of each input channel."""
    return _interleaves_outputs(case) and case.geometry.ic == case.geometry.g


def _is_depthwise(run: Run) -> bool:
    return bool(run.operands["w"].shape[1] == 1)


def _of_multiplied_filters(run: Run, y_bar: Array, bar: Any) -> Array:
    if not _is_depthwise(run):
        return np.asarray(bar)
    return run.once_more(w=_by_remainder(run.operands["w"], run, 0)).bars(y_bar)["x_bar"]


def _of_multiplied_cotangent(name: str) -> Callable[[Run, Array, Any], Array]:
    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        if not _is_depthwise(run):
            return np.asarray(bar)
        return run.bars(_by_remainder(y_bar, run, 1))[name]

    return spoil


def _reversed(array: Array, run: Run, axis: int) -> Array:
    return np.flip(_by_group(array, run, axis), axis=axis).reshape(array.shape)


def _of_the_first_group(array: Array, run: Run, axis: int) -> Array:
    first = np.take(_by_group(array, run, axis), [0], axis=axis)
    return np.repeat(first, _groups(run), axis=axis).reshape(array.shape)


def _only_the_first_group(array: Array, run: Run, axis: int) -> Array:
    kept = array.copy()
    kept[(slice(None),) * axis + (slice(array.shape[axis] // _groups(run), None),)] = 0
    return kept


def _stride_ignored(run: Run, y_bar: Array, bar: Any) -> Any:
    if _groups(run) == 1:
        return bar
    return x_bar_at(run, y_bar, [place(window, s=1) for window in run.windows])


def _shuffled(run: Run) -> Run:
    x = np.ascontiguousarray(_interleaved(run.operands["x"], run, 1))
    return run_of(run.right, {**run.operands, "x": x}, run.params)


def _shuffled_x_bar(run: Run, y_bar: Array, bar: Any) -> Array:
    found = _shuffled(run).bars(y_bar)["x_bar"]
    shape = found.shape
    parts = found.reshape(shape[0], shape[1] // _groups(run), _groups(run), *shape[2:])
    return np.swapaxes(parts, 1, 2).reshape(shape)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-bar-of-every-group-from-the-first",
        what="w_bar of every group is made with the first group's input",
        operations=CONV,
        results=("w_bar",),
        condition="groups > 1",
        shows=_is_grouped,
        plant=planted(
            w_bar=lambda run, y_bar, bar: run.once_more(
                x=_of_the_first_group(run.operands["x"], run, 1)
            ).bars(y_bar)["w_bar"]
        ),
        source="https://github.com/pytorch/pytorch/issues/51430",
    ),
    Fault(
        name="w-bar-only-of-the-first-group",
        what="only the first group's part of w_bar is written",
        operations=CONV,
        results=("w_bar",),
        condition="groups > 1",
        shows=_is_grouped,
        plant=planted(w_bar=lambda run, y_bar, bar: _only_the_first_group(bar, run, 0)),
        source="https://github.com/ml-explore/mlx/pull/1449",
    ),
    Fault(
        name="x-bar-groups-concatenated-in-reverse",
        what="the groups' parts of x_bar are concatenated in reverse order",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1",
        shows=_is_grouped,
        plant=planted(x_bar=lambda run, y_bar, bar: _reversed(bar, run, 1)),
        source="https://github.com/ml-explore/mlx/pull/2495",
    ),
    Fault(
        name="x-bar-groups-interleaved",
        what="x_bar is written as if channel c belonged to group c % groups",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1, with several input channels in each",
        shows=_interleaves_inputs,
        plant=planted(x_bar=lambda run, y_bar, bar: _interleaved(bar, run, 1)),
        source="https://github.com/ml-explore/mlx/pull/2495",
    ),
    Fault(
        name="w-bar-input-groups-interleaved",
        what="w_bar reads the input as if channel c belonged to group c % groups",
        operations=CONV,
        results=("w_bar",),
        condition="groups > 1, with several input channels in each",
        shows=_interleaves_inputs,
        plant=planted(
            w_bar=lambda run, y_bar, bar: run.once_more(
                x=np.ascontiguousarray(_interleaved(run.operands["x"], run, 1))
            ).bars(y_bar)["w_bar"]
        ),
        source="https://github.com/onnx/onnx/issues/2273",
    ),
    Fault(
        name="x-bar-output-groups-interleaved",
        what="x_bar reads the cotangent as if output channel o belonged to group o % groups",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1, with several output channels in each (a channel multiplier)",
        shows=_interleaves_outputs,
        plant=planted(
            x_bar=lambda run, y_bar, bar: run.bars(
                np.ascontiguousarray(_interleaved(y_bar, run, 1))
            )["x_bar"]
        ),
        source="https://github.com/Theano/Theano/issues/6297",
    ),
    Fault(
        name="groups-interleaved-throughout",
        what="input channel c belongs to group c % groups, in forward and backward alike",
        operations=CONV,
        results=("y", "x_bar", "w_bar"),
        condition="groups > 1, with several input channels in each",
        shows=_interleaves_inputs,
        plant=planted(
            y=lambda run: _shuffled(run).y,
            x_bar=_shuffled_x_bar,
            w_bar=lambda run, y_bar, bar: _shuffled(run).bars(y_bar)["w_bar"],
        ),
        caught_by=AGAINST_TORCH,
        source="https://github.com/uxlfoundation/oneDNN/issues/352",
    ),
    Fault(
        name="x-bar-of-group-o-mod-groups",
        what="x_bar adds output channel o to the inputs of group o % groups",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1, with several output channels in each (a channel multiplier)",
        shows=_interleaves_outputs,
        plant=planted(x_bar=_x_bar_by_remainder),
        source="https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
    ),
    Fault(
        name="w-bar-of-group-o-mod-groups",
        what="w_bar of output channel o is made with the inputs of group o % groups",
        operations=CONV,
        results=("w_bar",),
        condition="groups > 1, with several output channels in each (a channel multiplier)",
        shows=_interleaves_outputs,
        plant=planted(w_bar=_w_bar_by_remainder),
        source="https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
    ),
    Fault(
        name="x-bar-filters-in-multiplier-order",
        what="x_bar of a depthwise layer reads filter m of channel c at m * channels + c",
        operations=CONV,
        results=("x_bar",),
        condition="a depthwise layer with several output channels for each input channel",
        shows=_has_multiplier,
        plant=planted(x_bar=_of_multiplied_filters),
        source="https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d",
    ),
    Fault(
        name="x-bar-cotangent-in-multiplier-order",
        what="x_bar of a depthwise layer reads the cotangent of channel c at m * channels + c",
        operations=CONV,
        results=("x_bar",),
        condition="a depthwise layer with several output channels for each input channel",
        shows=_has_multiplier,
        plant=planted(x_bar=_of_multiplied_cotangent("x_bar")),
        source="https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d",
    ),
    Fault(
        name="w-bar-cotangent-in-multiplier-order",
        what="w_bar of a depthwise layer reads the cotangent of channel c at m * channels + c",
        operations=CONV,
        results=("w_bar",),
        condition="a depthwise layer with several output channels for each input channel",
        shows=_has_multiplier,
        plant=planted(w_bar=_of_multiplied_cotangent("w_bar")),
        source="https://www.tensorflow.org/api_docs/python/tf/nn/depthwise_conv2d",
    ),
    Fault(
        name="x-bar-stride-ignored-with-groups",
        what="x_bar is scattered as if the stride were 1, where there are groups",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1 and stride > 1",
        shows=lambda case: (
            _is_grouped(case)
            and any(window.s > 1 and window.out > 1 for window in case.geometry.windows)
        ),
        plant=planted(x_bar=_stride_ignored),
        source="https://github.com/ml-explore/mlx/pull/3800",
    ),
    Fault(
        name="x-bar-groups-summed",
        what="x_bar of each group is summed over all groups",
        operations=CONV,
        results=("x_bar",),
        condition="groups > 1",
        shows=_is_grouped,
        plant=planted(
            x_bar=lambda run, y_bar, bar: np.broadcast_to(
                _by_group(bar, run, 1).sum(axis=1, keepdims=True), _by_group(bar, run, 1).shape
            ).reshape(bar.shape)
        ),
        source="https://github.com/uxlfoundation/oneDNN/issues/173",
    ),
)
