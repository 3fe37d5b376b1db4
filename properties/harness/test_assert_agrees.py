"""`assert_agrees`: silent for a right kernel, and the finding for any other."""

from __future__ import annotations

from typing import Any

import pytest

import bpcheck
from bpcheck import Subject
from reference import avg_pool

CASES = 16


def doubled(residuals: Any, y_bar: Any) -> tuple[Any, ...]:
    return tuple(2 * x_bar for x_bar in avg_pool.vjp(residuals, y_bar))


def unwritten(*_operands: Any, **_params: Any) -> Any:
    raise NotImplementedError("not yet")


def test_a_right_kernel_raises_nothing() -> None:
    subject = Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d")
    bpcheck.assert_agrees(subject, count=CASES)


def test_a_wrong_kernel_raises_with_its_smallest_case() -> None:
    subject = Subject(avg_pool.forward, doubled, operation="avg_pool1d", name="doubled")
    with pytest.raises(AssertionError) as raised:
        bpcheck.assert_agrees(subject, count=CASES)
    message = str(raised.value)
    assert "x_bar: backward wrong" in message
    assert "smallest case   avg_pool1d n1ic1" in message


def test_a_kernel_of_which_nothing_could_be_judged_does_not_pass() -> None:
    subject = Subject(unwritten, doubled, operation="avg_pool1d")
    with pytest.raises(AssertionError, match="INCONCLUSIVE"):
        bpcheck.assert_agrees(subject, count=CASES)


def test_what_is_no_subject_is_said_to_be_none() -> None:
    with pytest.raises(TypeError, match=r"a bpcheck\.Subject was expected"):
        bpcheck.assert_agrees(avg_pool, count=CASES)  # type: ignore[arg-type]
