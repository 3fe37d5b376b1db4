"""Dilation ignored, exchanged, or taken from another dimension."""

from __future__ import annotations

from bpcheck.explain.faults.fault import CONV, MAX_POOL, of_rank_2_up
from bpcheck.explain.faults.misplaced import (
    consistent_fault,
    forward_fault,
    w_bar_fault,
    x_bar_fault,
)
from bpcheck.explain.faults.placing import each, exchanged, of_the_first, place

_ignored = each(lambda window: place(window, d=1))
_one_too_many = each(lambda window: place(window, d=window.d + 1))

FAULTS = (
    x_bar_fault(
        "x-bar-dilation-ignored",
        "x_bar is scattered as if the dilation were 1",
        _ignored,
        operations=(*CONV, *MAX_POOL),
        condition="dilation > 1",
        source="https://github.com/pytorch/pytorch/issues/16012",
    ),
    w_bar_fault(
        "w-bar-dilation-ignored",
        "w_bar unfolds the input as if the dilation were 1",
        _ignored,
        operations=CONV,
        condition="dilation > 1",
        source="https://github.com/meta-pytorch/opacus/issues/137",
    ),
    forward_fault(
        "y-dilation-ignored",
        "the forward reads its windows as if the dilation were 1",
        _ignored,
        operations=(*CONV, *MAX_POOL),
        condition="dilation > 1",
        source="https://github.com/Theano/Theano/issues/4729",
    ),
    x_bar_fault(
        "x-bar-dilations-exchanged",
        "x_bar is scattered with the dilations of height and width exchanged",
        exchanged("d"),
        operations=of_rank_2_up((*CONV, *MAX_POOL)),
        condition="unequal dilation",
        source="https://github.com/torch/nn/issues/908",
    ),
    w_bar_fault(
        "w-bar-dilation-of-the-first-dimension",
        "w_bar reads the input with the first dimension's dilation in all of them",
        of_the_first("d"),
        operations=of_rank_2_up(CONV),
        condition="unequal dilation",
        source="https://github.com/tenstorrent/tt-metal/pull/19542",
    ),
    consistent_fault(
        "dilations-exchanged-throughout",
        "the dilations of height and width are exchanged, in forward and backward alike",
        exchanged("d"),
        operations=of_rank_2_up((*CONV, *MAX_POOL)),
        condition="unequal dilation",
        source="https://github.com/torch/nn/issues/908",
    ),
    x_bar_fault(
        "x-bar-dilation-counts-the-holes",
        "dilation is read as the number of holes: offsets are d + 1 apart in x_bar",
        _one_too_many,
        operations=CONV,
        condition="a kernel larger than 1",
        source="https://github.com/Lasagne/Lasagne/issues/707",
    ),
)
