"""Average pooling's divisor: of padding, of overhang, overridden, twice, or not at all."""

from __future__ import annotations

from math import prod

import numpy as np

from bpcheck.explain.faults.division import (
    Rule,
    divides_otherwise,
    in_x_bar,
    in_y,
    overhang_counts,
    padding_counts,
    padding_does_not_count,
    throughout,
)
from bpcheck.explain.faults.fault import AGAINST_TORCH, AVG_POOL, Fault, of_rank_2_up


def _fault(
    name: str,
    what: str,
    rule: Rule,
    *,
    condition: str,
    source: str,
    operations: tuple[str, ...] = AVG_POOL,
) -> Fault:
    return Fault(
        name=f"x-bar-{name}",
        what=what,
        operations=operations,
        results=("x_bar",),
        condition=condition,
        shows=divides_otherwise(rule),
        plant=in_x_bar(rule),
        source=source,
    )


FAULTS: tuple[Fault, ...] = (
    _fault(
        "divided-by-the-kernel",
        "every window's share is divided by the whole kernel, whatever the window covers",
        lambda division: division.unless_overridden(division.kernel),
        condition="padding that does not count, or overhang",
        source="https://github.com/tracel-ai/burn/issues/5604",
    ),
    _fault(
        "padding-counted",
        "the backward pass counts padding although count_include_pad is False",
        padding_counts,
        condition="padding that does not count",
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    _fault(
        "padding-not-counted",
        "the backward pass leaves padding out although count_include_pad is True",
        padding_does_not_count,
        condition="padding that counts",
        source="https://github.com/pytorch/pytorch/issues/107201",
    ),
    _fault(
        "overhang-counted",
        "a last window that overhangs is divided by the full kernel",
        overhang_counts,
        condition="ceil_mode with a window that overhangs",
        source="https://github.com/pytorch/pytorch/issues/198119",
    ),
    _fault(
        "not-divided",
        "the cotangent is sent to every cell of its window undivided",
        lambda division: np.ones(division.out),
        condition="a divisor unlike 1",
        source="https://github.com/rasmusbergpalm/DeepLearnToolbox/issues/129",
    ),
    _fault(
        "divided-twice",
        "the cotangent is divided once before and once after it is sent back",
        lambda division: division.right**2,
        condition="a divisor unlike 1",
        source="https://github.com/jcjohnson/neural-style/issues/90",
    ),
    _fault(
        "divisor-override-ignored",
        "divisor_override is ignored in the backward pass",
        lambda division: division.sizes(pad_counts=division.pad_counts),
        operations=of_rank_2_up(AVG_POOL),
        condition="divisor_override",
        source="https://github.com/pytorch/executorch/pull/18616",
    ),
    _fault(
        "divisor-override-times-the-kernel",
        "divisor_override divides on top of the window's size",
        lambda division: (
            division.right * (division.sizes(pad_counts=True) if division.override else 1)
        ),
        operations=of_rank_2_up(AVG_POOL),
        condition="divisor_override and a kernel larger than 1",
        source="https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html",
    ),
    _fault(
        "divided-by-one-side-of-the-kernel",
        "the share is divided by the kernel's height alone",
        lambda division: division.unless_overridden(
            np.full(division.out, float(division.windows[0].k))
        ),
        operations=of_rank_2_up(AVG_POOL),
        condition="a kernel wider than 1",
        source="https://github.com/nntrainer/nntrainer/pull/192",
    ),
    _fault(
        "divided-by-the-stride",
        "the share is divided by the stride, as if windows tiled",
        lambda division: division.unless_overridden(
            np.full(division.out, float(prod(window.s for window in division.windows)))
        ),
        condition="stride unlike the kernel size",
        source="https://github.com/google/objax/pull/27",
    ),
    _fault(
        "divisor-of-the-first-window",
        "every window is divided by the first one's divisor",
        lambda division: np.full(division.out, division.right.flat[0]),
        condition="windows of unequal divisors",
        source="https://github.com/PaddlePaddle/Paddle/pull/74077",
    ),
    Fault(
        name="y-divided-by-the-kernel",
        what="the forward divides every window by the whole kernel",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that does not count, or overhang",
        shows=divides_otherwise(lambda division: division.unless_overridden(division.kernel)),
        plant=in_y(lambda division: division.unless_overridden(division.kernel)),
        source="https://github.com/root-project/root/issues/22523",
    ),
    Fault(
        name="padding-counted-throughout",
        what="forward and backward count padding although count_include_pad is False",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that does not count",
        shows=divides_otherwise(padding_counts),
        plant=throughout(padding_counts),
        caught_by=AGAINST_TORCH,
        source="https://github.com/kulinseth/pytorch/pull/273",
    ),
    Fault(
        name="padding-not-counted-throughout",
        what="forward and backward leave padding out although count_include_pad is True",
        operations=AVG_POOL,
        results=("y", "x_bar"),
        condition="padding that counts",
        shows=divides_otherwise(padding_does_not_count),
        plant=throughout(padding_does_not_count),
        caught_by=AGAINST_TORCH,
        source="https://github.com/chainer/onnx-chainer/pull/45",
    ),
)
