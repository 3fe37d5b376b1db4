"""How fast a subject is: a limit follows from what it takes, and not from a moment's pause."""

from __future__ import annotations

import time
from dataclasses import replace
from math import inf, prod
from typing import Any

import pytest

from bpcheck import Subject
from bpcheck.planning.limits import Limits
from bpcheck.runner.limiting import paced
from properties.harness.planting import reference

#: Seconds for each multiplication: a quick run of it would take a minute and more, and the calls
#: that are timed so little that a busy machine does not make them slow altogether.
SLOW = 8e-6

#: Cells of x times weights, up to which it takes a case.
LARGEST = 2_000

#: The first calls: of each case that is timed two.
TIMED = 12


def slow_in(calls: float) -> Subject:
    """A convolution whose first calls take long, as on a machine that was busy then."""
    right = reference("conv2d")
    made = 0

    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        nonlocal made
        made += 1
        y, residuals = right.forward(x, w, b, **params)
        if made <= calls:
            time.sleep(SLOW * y.size * w[0].size)
        return y, residuals

    # No larger case is there to bear the first ones out.
    return replace(right, forward=forward).claiming(supports=is_small)


def is_small(params: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bool:
    return prod(shapes["x"]) * prod(shapes["w"]) <= LARGEST


@pytest.mark.parametrize(("calls", "is_limited"), [(0, False), (TIMED, False), (inf, True)])
def test_a_subject_is_limited_by_what_it_takes_each_time(calls: float, is_limited: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    limits = paced(slow_in(calls), ("float64",), 0, 1_050, Limits()).limits
    assert (limits.largest is not None) == is_limited
