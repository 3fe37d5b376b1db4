"""Padding cropped on the wrong side, forgotten, exchanged or folded back."""

from __future__ import annotations

from typing import Any

from bpcheck.arithmetic import Array
from bpcheck.explain.faults.fault import AVG_POOL, CONV, EVERY, LINEAR, Fault, of_rank_2_up
from bpcheck.explain.faults.misplaced import (
    consistent_fault,
    forward_fault,
    w_bar_fault,
    x_bar_fault,
)
from bpcheck.explain.faults.placing import (
    Placing,
    cells,
    each,
    exchanged,
    inside,
    of_the_first,
    place,
)
from bpcheck.explain.faults.run import Run, planted
from bpcheck.operations.windowed.window import Window

_not_cropped = each(lambda window: place(window, low=0))
_mirrored = each(lambda window: place(window, low=window.high))
_to_the_edge = each(lambda window: cells(window).clip(0, window.i - 1))


def _wrapped(window: Window) -> Placing:
    """A negative index counts from the end, as Python's do."""
    cell = cells(window)
    return inside(window, cell + window.i * (cell < 0))


def _at_most_full(window: Window) -> Placing:
    """A full convolution pads by ``k - 1 - p``, which is cut at 0 where ``p >= k``."""
    return place(window, low=min(window.low, window.d * (window.k - 1)))


def _sliced(run: Run, y_bar: Array, bar: Any) -> Array:
    """``x_bar[p:-p]`` is empty at p = 0."""
    empty = tuple(slice(None) if window.high else slice(0) for window in run.windows)
    sliced: Array = bar[(..., *empty)].copy()
    return sliced


FAULTS: tuple[Fault, ...] = (
    x_bar_fault(
        "x-bar-cropped-at-the-end-only",
        "the padding of x_bar is cropped at the end only: [:i] for [p:p + i]",
        _not_cropped,
        operations=EVERY,
        condition="padding > 0",
        source="https://github.com/FluxML/NNlib.jl/issues/133",
    ),
    w_bar_fault(
        "w-bar-padding-forgotten",
        "w_bar reads the input without its padding",
        _not_cropped,
        operations=CONV,
        condition="padding > 0",
        source="https://github.com/tensorflow/tensorflow/issues/11092",
    ),
    forward_fault(
        "y-padding-forgotten",
        "the forward puts all of the padding behind the input, and none in front",
        _not_cropped,
        operations=CONV,
        condition="padding > 0",
        source="https://github.com/dotnet/TorchSharp/issues/1029",
    ),
    Fault(
        name="x-bar-cropped-to-nothing",
        what="x_bar is cropped by [p:-p], which leaves nothing where p is 0",
        operations=EVERY,
        results=("x_bar",),
        condition="padding 0 in some dimension",
        shows=lambda case: any(window.high == 0 for window in case.geometry.windows),
        plant=planted(x_bar=_sliced),
        caught_by=("contract",),
        source="https://github.com/HIPS/autograd/issues/431",
    ),
    x_bar_fault(
        "x-bar-same-padding-extra-in-front",
        "'same' padding of an even kernel: x_bar has the extra cell in front, y has it behind",
        _mirrored,
        operations=CONV,
        condition="'same' padding with an even span",
        source="https://github.com/microsoft/onnxruntime/issues/9370",
    ),
    consistent_fault(
        "same-padding-extra-in-front-throughout",
        "'same' padding of an even kernel has its extra cell in front, in forward and backward",
        _mirrored,
        operations=CONV,
        condition="'same' padding with an even span",
        source="https://github.com/ARM-software/ComputeLibrary/issues/208",
    ),
    x_bar_fault(
        "x-bar-paddings-exchanged",
        "x_bar is cropped with the paddings of height and width exchanged",
        exchanged("low"),
        operations=of_rank_2_up(EVERY),
        condition="unequal padding",
        source="https://github.com/renmengye/np-conv2d/pull/2",
    ),
    w_bar_fault(
        "w-bar-paddings-exchanged",
        "w_bar reads the input with the paddings of height and width exchanged",
        exchanged("low"),
        operations=of_rank_2_up(CONV),
        condition="unequal padding",
        source="https://github.com/autogluon/autogluon/pull/438",
    ),
    consistent_fault(
        "paddings-exchanged-throughout",
        "the paddings of height and width are exchanged, in forward and backward alike",
        exchanged("low"),
        operations=of_rank_2_up(CONV),
        condition="unequal padding",
        source="https://github.com/pytorch/pytorch/pull/37881",
    ),
    w_bar_fault(
        "w-bar-padding-of-the-first-dimension",
        "w_bar reads the input with the first dimension's padding in all of them",
        of_the_first("low"),
        operations=of_rank_2_up(CONV),
        condition="unequal padding",
        source="https://github.com/szagoruyko/nnpack.torch/issues/6",
    ),
    x_bar_fault(
        "x-bar-padding-folded-into-the-edge",
        "the gradient of the padding is added to the edge, as for replicated borders",
        _to_the_edge,
        operations=LINEAR,
        condition="windows that read padding",
        source="https://github.com/google/hdrnet/issues/2",
    ),
    w_bar_fault(
        "w-bar-padding-replicated",
        "w_bar reads the edge of the input where padding lies",
        _to_the_edge,
        operations=CONV,
        condition="windows that read padding",
        source="https://github.com/akmaier/CONRAD/pull/64",
    ),
    x_bar_fault(
        "x-bar-negative-index-wraps",
        "a negative index of the padding wraps around to the other end of x_bar",
        each(_wrapped),
        operations=LINEAR,
        condition="padding > 0",
        source="https://github.com/jax-ml/jax/issues/14095",
    ),
    x_bar_fault(
        "x-bar-padding-at-least-the-kernel",
        "the full convolution pads by k - 1 - p, cut at 0: padding beyond the kernel is lost",
        each(_at_most_full),
        operations=CONV,
        condition="padding >= kernel",
        source="https://github.com/ml-explore/mlx/issues/833",
    ),
    x_bar_fault(
        "x-bar-padding-wrong-on-one-side",
        "one padding cell too few is cropped in front",
        each(lambda window: place(window, low=max(0, window.low - 1))),
        operations=(*CONV, *AVG_POOL),
        condition="padding > 0",
        source="https://github.com/KonduitAI/deeplearning4j/pull/90",
    ),
)
