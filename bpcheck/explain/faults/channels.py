"""Channel axes exchanged, not exchanged, or mixed up."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, EVERY, LINEAR, Fault
from bpcheck.explain.faults.run import Run, planted


def _w_bar_reshaped(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.moveaxis(bar, 1, 0).reshape(bar.shape)


def _w_bar_of_columns(run: Run, y_bar: Array, bar: Any) -> Array:
    """A row for each weight of a filter, as unrolled images times the cotangent give them."""
    return np.moveaxis(bar, 0, -1).reshape(bar.shape)


def _w_bar_exchanged(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.ascontiguousarray(np.swapaxes(bar, 0, 1))


def _x_bar_of_channels_last(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.moveaxis(bar, 1, -1).reshape(bar.shape)


def _has_several(case: Case) -> bool:
    """More than one output channel, and more than one input channel in a group."""
    g = case.geometry
    return is_read(case) and g.oc > 1 and g.ic // g.g > 1


def _has_columns(case: Case) -> bool:
    """More than one output channel, and more than one weight in a filter."""
    g = case.geometry
    return is_read(case) and g.oc > 1 and prod((g.ic // g.g, *g.kernel)) > 1


def _is_square(case: Case) -> bool:
    return (
        _has_several(case) and bool(case.geometry.ic == case.geometry.oc) and case.geometry.g == 1
    )


def _x_bar_with_w_as_it_is(run: Run, y_bar: Array, bar: Any) -> Any:
    w = run.operands["w"]
    if w.shape[0] != w.shape[1]:
        return bar
    return run.once_more(w=np.ascontiguousarray(np.swapaxes(w, 0, 1))).bars(y_bar)["x_bar"]


def _first_input_channel(run: Run, y_bar: Array, bar: Any) -> Array:
    x, groups = run.operands["x"], run.params.get("groups", 1)
    per_group = x.shape[1] // groups
    firsts = np.repeat(x[:, ::per_group], per_group, axis=1)
    return run.once_more(x=firsts).bars(y_bar)["w_bar"]


def _summed_over_inputs(run: Run, y_bar: Array, bar: Any) -> Array:
    summed: Array = np.broadcast_to(bar.sum(axis=1, keepdims=True), bar.shape).copy()
    return summed


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-bar-reshaped-for-transposed",
        what="w_bar has its channel axes exchanged and is reshaped where a transpose is needed",
        operations=CONV,
        results=("w_bar",),
        condition="several output channels, and several input channels in a group",
        shows=_has_several,
        plant=planted(w_bar=_w_bar_reshaped),
        source="https://github.com/apple/tensorflow_macos/issues/230",
    ),
    Fault(
        name="w-bar-of-columns-reshaped",
        what="w_bar comes with c_out last and is reshaped where a transpose is needed",
        operations=CONV,
        results=("w_bar",),
        condition="several output channels, and several weights in a filter",
        shows=_has_columns,
        plant=planted(w_bar=_w_bar_of_columns),
        source="https://github.com/BonnBytes/PyTorch-FWD/issues/16",
    ),
    Fault(
        name="w-bar-channel-axes-exchanged",
        what="w_bar is (c_in, c_out, ...) where w is (c_out, c_in, ...)",
        operations=CONV,
        results=("w_bar",),
        condition="several output channels, and as many input channels",
        shows=_is_square,
        plant=planted(
            w_bar=lambda run, y_bar, bar: (
                _w_bar_exchanged(run, y_bar, bar) if bar.shape[0] == bar.shape[1] else bar
            )
        ),
        source="https://github.com/nntrainer/nntrainer/issues/705",
    ),
    Fault(
        name="w-bar-in-the-shape-of-channels-exchanged",
        what="w_bar is (c_in, c_out, ...) where w is (c_out, c_in, ...), and the shape shows it",
        operations=CONV,
        results=("w_bar",),
        condition="another number of output channels than of input channels in a group",
        shows=lambda case: case.geometry.oc != case.geometry.ic // case.geometry.g,
        plant=planted(
            w_bar=lambda run, y_bar, bar: (
                _w_bar_exchanged(run, y_bar, bar) if bar.shape[0] != bar.shape[1] else bar
            )
        ),
        caught_by=("contract",),
        source="https://github.com/ml-explore/mlx/issues/2184",
    ),
    Fault(
        name="x-bar-channel-axes-not-exchanged",
        what="x_bar is a convolution with w itself: its channel axes are not exchanged",
        operations=CONV,
        results=("x_bar",),
        condition="as many input as output channels, more than one",
        shows=_is_square,
        plant=planted(x_bar=_x_bar_with_w_as_it_is),
        source="https://github.com/wuziheng/CNN-Numpy/issues/2",
    ),
    Fault(
        name="w-bar-from-the-first-channel",
        what="w_bar is made with the first input channel (of the group) for every channel",
        operations=CONV,
        results=("w_bar",),
        condition="several input channels in a group",
        shows=lambda case: is_read(case) and case.geometry.ic // case.geometry.g > 1,
        plant=planted(w_bar=_first_input_channel),
        source="https://github.com/LazaroHurtado/micrograd-rs/pull/20",
    ),
    Fault(
        name="w-bar-summed-over-input-channels",
        what="w_bar is summed over the input channels and broadcast back",
        operations=CONV,
        results=("w_bar",),
        condition="several input channels in a group",
        shows=lambda case: is_read(case) and case.geometry.ic // case.geometry.g > 1,
        plant=planted(w_bar=_summed_over_inputs),
        source="https://github.com/tracel-ai/burn/pull/5422",
    ),
    Fault(
        name="x-bar-channels-reversed",
        what="x_bar has its channels in reverse order",
        operations=EVERY,
        results=("x_bar",),
        condition="several channels",
        shows=lambda case: is_read(case) and case.geometry.ic > 1,
        plant=planted(x_bar=lambda run, y_bar, bar: np.ascontiguousarray(bar[:, ::-1])),
        source="https://github.com/NervanaSystems/neon/issues/111",
    ),
    Fault(
        name="x-bar-of-channels-last-reshaped",
        what="x_bar comes with the channels last and is reshaped where a transpose is needed",
        operations=EVERY,
        results=("x_bar",),
        condition="several channels of several cells",
        shows=lambda case: (
            is_read(case)
            and case.geometry.ic > 1
            and prod(window.i for window in case.geometry.windows) > 1
        ),
        plant=planted(x_bar=_x_bar_of_channels_last),
        source="https://github.com/BonnBytes/PyTorch-FWD/issues/16",
    ),
    Fault(
        name="x-bar-averaged-over-channels",
        what="x_bar is averaged over the channels, as for a grey image",
        operations=LINEAR,
        results=("x_bar",),
        condition="several channels",
        shows=lambda case: is_read(case) and case.geometry.ic > 1,
        plant=planted(
            x_bar=lambda run, y_bar, bar: np.broadcast_to(
                bar.mean(axis=1, keepdims=True), bar.shape
            ).astype(bar.dtype)
        ),
        source="https://github.com/keras-team/keras/issues/3422",
    ),
)
