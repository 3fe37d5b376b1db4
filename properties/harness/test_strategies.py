"""The Hypothesis strategies: what they draw, what they shrink to, and what they cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import bpcheck
from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case, parse_case
from bpcheck.filling import fill
from bpcheck.operations import operation_named, operation_names
from bpcheck.planning.strategies import cases, geometries

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


#: Find any example, and leave it as it is; or shrink it, the same in every run.
ANY = settings(phases=[Phase.generate], max_examples=2000)
SHRUNK = settings(
    phases=[Phase.generate, Phase.shrink], max_examples=2000, derandomize=True, database=None
)


@pytest.mark.parametrize(
    ("operation", "smallest"),
    [
        ("conv2d", "n1ic1ih1iw1oc2kh1kw1"),
        ("conv3d", "n1ic1id1ih1iw1oc2kd1kh1kw1"),
        ("max_pool2d", "n1ic1ih1iw1kh1kw1"),
        ("network", "n1ic1ih1iw1oca1ka1ocb1kb1"),
    ],
)
def test_what_fails_everywhere_shrinks_to_one_cell_and_one_window(
    operation: str, smallest: str
) -> None:
    geometry = find(geometries(operation), lambda _: True, settings=SHRUNK)
    assert Case(operation_named(operation), geometry).descriptor == smallest


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        (lambda g: g.windows[1].s > 1, 6),
        (lambda g: g.windows[0].remainder >= 2, 10),
        (lambda g: g.g > 1, 8),
        (lambda g: g.same and g.windows[0].k == 2, 12),
        (lambda g: (g.ic, g.oc) == (64, 96), 64 + 64 * 96 + 96),
    ],
    ids=["stride", "remainder", "groups", "same", "64 to 96"],
)
def test_a_failure_shrinks_until_its_operands_hold_next_to_nothing(
    condition: Callable[[Any], bool], numbers: int
) -> None:
    geometry = find(geometries("conv2d"), condition, settings=SHRUNK)
    shapes = operation_named("conv2d").operand_shapes(geometry).values()
    assert sum(prod(shape) for shape in shapes) <= numbers


@pytest.mark.parametrize("operation", CONVOLUTIONS)
def test_mismatched_channels_occur_64_to_96_among_them(operation: str) -> None:
    find(geometries(operation), lambda g: g.ic != g.oc and g.g == 1, settings=ANY)
    find(geometries(operation), lambda g: (g.ic, g.oc) == (64, 96), settings=ANY)
    find(geometries(operation), lambda g: 1 < g.g == g.ic < g.oc, settings=ANY)


@pytest.mark.parametrize("operation", operation_names())
def test_a_case_has_one_of_the_dtypes_and_value_kinds_that_were_asked_for(operation: str) -> None:
    promise = operation_named(operation)
    dtypes, kinds = promise.dtypes[:2], promise.value_kinds[:1]

    @given(case=cases(operation, dtypes=dtypes, values=kinds))
    def check(case: Case) -> None:
        assert case.operation.name == operation
        assert case.dtype in dtypes
        assert case.values in kinds

    check()


@given(operation=st.sampled_from(operation_names()), data=st.data())
def test_every_case_can_be_filled_and_written_down(operation: str, data: st.DataObject) -> None:
    case = data.draw(cases(operation))
    assert parse_case(str(case)) == case
    arrays = fill(case)
    shapes = case.shapes
    assert arrays.y_bar.shape == shapes["y"]
    assert {f"{name}_bar": a.shape for name, a in arrays.operands.items()}.items() <= shapes.items()
    assert {a.dtype for a in (*arrays.operands.values(), arrays.y_bar)} == {
        np.dtype(FORMATS[case.dtype].dtype)
    }


def test_geometries_can_be_narrowed() -> None:
    batches = geometries("conv2d").filter(lambda geometry: geometry.n == 3)
    assert find(cases("conv2d", among=batches), lambda _: True, settings=ANY).geometry.n == 3


@pytest.mark.parametrize("asked", [["float80"], []])
def test_a_dtype_that_the_operation_has_not_is_refused(asked: list[str]) -> None:
    with pytest.raises(ValueError, match=r"conv2d has float64.*; give some of them"):
        cases("conv2d", dtypes=asked)


def test_the_strategies_are_public_and_hypothesis_is_imported_when_they_are_used() -> None:
    assert bpcheck.strategies.cases is cases
    program = "import sys, bpcheck; bpcheck.strategies; print('hypothesis' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
