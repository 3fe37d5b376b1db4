"""The kernel turned, or not turned, the wrong way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, Fault, of_rank_2_up
from bpcheck.explain.faults.misplaced import consistent_fault, w_bar_fault, x_bar_fault
from bpcheck.explain.faults.placing import Placing, each, rotated
from bpcheck.explain.faults.run import planted
from bpcheck.operations.windowed.window import Window


def _rotated_along_the_last(windows: Sequence[Window]) -> list[Placing]:
    # What is scattered to its own place is rotated; the other dimensions are not.
    return [*(rotated(window) for window in windows[:-1]), windows[-1].positions]


def _has_square_kernel(case: Case) -> bool:
    kernel = [window.k for window in case.geometry.windows]
    return is_read(case) and any(one == other > 1 for one, other in pairwise(kernel[-2:]))


def _transposed(array: Array) -> Array:
    """Height and width exchanged, where they are equal."""
    return np.swapaxes(array, -1, -2) if array.shape[-1] == array.shape[-2] else array


FAULTS: tuple[Fault, ...] = (
    x_bar_fault(
        "x-bar-kernel-not-rotated",
        "x_bar is the full convolution of the cotangent with the kernel not rotated by 180 degrees",
        each(rotated),
        operations=CONV,
        condition="a kernel larger than 1",
        source="https://github.com/ml-explore/mlx/pull/1449",
    ),
    w_bar_fault(
        "w-bar-rotated",
        "w_bar is rotated by 180 degrees",
        each(rotated),
        operations=CONV,
        condition="a kernel larger than 1",
        source="https://github.com/tf-encrypted/tf-encrypted/issues/150",
    ),
    consistent_fault(
        "convolution-for-correlation",
        "forward and backward rotate the kernel, as convolution does and the operation does not",
        each(rotated),
        operations=CONV,
        condition="a kernel larger than 1",
        source="https://github.com/keras-team/keras/issues/3015",
    ),
    x_bar_fault(
        "x-bar-kernel-flipped-along-the-width-only",
        "the kernel is flipped along its last dimension only where x_bar needs all of them",
        _rotated_along_the_last,
        operations=of_rank_2_up(CONV),
        condition="a kernel larger than 1 in a dimension that is not the last",
        source="https://github.com/ml-explore/mlx/pull/4277",
    ),
    Fault(
        name="x-bar-kernel-transposed",
        what="the kernel's height and width are exchanged where x_bar needs it rotated",
        operations=of_rank_2_up(CONV),
        results=("x_bar",),
        condition="a kernel as high as wide, and larger than 1",
        shows=_has_square_kernel,
        plant=planted(
            x_bar=lambda run, y_bar, bar: run.once_more(w=_transposed(run.operands["w"])).bars(
                y_bar
            )["x_bar"]
        ),
        source="https://github.com/mlpack/mlpack/pull/3376",
    ),
    Fault(
        name="w-bar-height-and-width-exchanged",
        what="height and width of w_bar are exchanged",
        operations=of_rank_2_up(CONV),
        results=("w_bar",),
        condition="a kernel as high as wide, and larger than 1",
        shows=_has_square_kernel,
        plant=planted(w_bar=lambda run, y_bar, bar: _transposed(bar).copy()),
        source="https://github.com/Theano/Theano/issues/4885",
    ),
)
