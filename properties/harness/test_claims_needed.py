"""Claims that a subject does not need are told; trying them costs nobody the run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck import Subject
from bpcheck.report import report_text, to_json
from bpcheck.runner.apart import apart
from bpcheck.runner.unneeded import MOST, unneeded
from properties.harness.test_claims_kept import (
    drops_nan,
    first_stride,
    flushes,
    ignores_dilation,
    raises_on_empty,
    reads_memory,
    refuses_even,
    square_only,
)
from reference import avg_pool, conv, network


def even_kernels(params: Any, shapes: Any) -> bool:
    return all(side % 2 == 0 for side in shapes["w"][2:])


def rounding(x: Any, w: Any, b: Any, **params: Any) -> Any:
    """Off by what a transform may be off."""
    y, residuals = conv.forward(x, w, b, **params)
    return y * x.dtype.type(1 + 2**-10), residuals


#: A claim, a kernel that needs it, and what is said of one that does not.
CLAIMS: dict[str, tuple[dict[str, Any], Callable[..., Any], str]] = {
    "empty": ({"empty": False}, raises_on_empty, "empty = False (3 cases beyond it agree)"),
    "nan": ({"nan": False}, drops_nan, "nan = False (3 cases beyond it agree)"),
    "subnormals": ({"subnormals": False}, flushes, "subnormals = False (3 cases beyond it agree)"),
    "layouts": ({"layouts": ("sliced",)}, reads_memory, "layouts (13 cases beyond it agree)"),
    "strides": (
        {"equal_strides": True},
        first_stride,
        "equal_strides = True (3 cases beyond it agree)",
    ),
    "kernels": (
        {"square_kernels": True},
        square_only,
        "square_kernels = True (3 cases beyond it agree)",
    ),
    "dilation": (
        {"dilation": False},
        ignores_dilation,
        "dilation = False (3 cases beyond it agree)",
    ),
    "exact": ({"exact": False}, rounding, "exact = False (16 cases agree as direct sums do)"),
    "supports": (
        {"supports": even_kernels},
        square_only,
        "supports (it leaves out cases that agree, such as conv2d n",
    ),
}


def running_sums(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    """An average pool that is right, and rounds in few cases alone."""
    (k,), (s,) = kernel_size, stride
    total = np.cumsum(np.pad(x, ((0, 0), (0, 0), (1, 0))), axis=-1, dtype=x.dtype)
    y = (total[..., k:] - total[..., :-k])[..., ::s] / x.dtype.type(k)
    return y, (x.shape, kernel_size, stride)


def spread(residuals: Any, y_bar: Any) -> Any:
    shape, (k,), (s,) = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    for j in range(k):
        x_bar[..., j : j + s * y_bar.shape[-1] : s] += y_bar / k
    return (x_bar,)


def test_a_transform_that_is_exact_in_most_cases_needs_its_claim() -> None:
    subject = Subject(running_sums, spread, "avg_pool1d", exact=False, norm="1-norm")
    assert unneeded(subject, []) == ()


def minds_negative_strides(x: Any, w: Any, b: Any, **params: Any) -> Any:
    y, residuals = conv.forward(x, w, b, **params)
    return y + (min(x.strides) < 0), residuals


def test_each_layout_that_is_left_out_may_be_the_one() -> None:
    subject = Subject(minds_negative_strides, conv.vjp, "conv2d", layouts=())
    assert unneeded(subject, []) == ()


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_is_told_to_those_alone_who_do_not_need_it(claim: str) -> None:
    words, needs_it, said = CLAIMS[claim]
    right = Subject(conv.forward, conv.vjp, operation="conv2d").claiming(words)
    (told,) = unneeded(right, [])
    assert told.startswith(said)
    if claim != "supports":
        wrong = Subject(needs_it, conv.vjp, operation="conv2d").claiming(words)
        assert unneeded(wrong, []) == ()


def test_who_supports_less_than_all_for_a_reason_is_told_nothing() -> None:
    def odd_only(x: Any, w: Any, b: Any, **params: Any) -> Any:
        assert all(side % 2 for side in w.shape[2:])
        return conv.forward(x, w, b, **params)

    def supports(params: Any, shapes: Any) -> bool:
        return all(side % 2 for side in shapes["w"][2:])

    assert unneeded(Subject(odd_only, conv.vjp, operation="conv2d", supports=supports), []) == ()


def test_an_exception_that_was_never_raised_is_told() -> None:
    subject = Subject(conv.forward, conv.vjp, operation="conv2d", refuses=("ValueError", KeyError))
    never = ("refuses ValueError (never raised)", "refuses KeyError (never raised)")
    assert unneeded(subject, ["groups", "ValueErrors: many"]) == never
    assert unneeded(subject, ["ValueError: even", "KeyError"]) == ()


def test_claims_that_say_nothing_are_told() -> None:
    subject = Subject(avg_pool.forward, avg_pool.vjp, "avg_pool1d", dilation=False, constant=8)
    assert unneeded(subject, []) == (
        "constant = 8 (it needs exact = False)",
        "dilation = False (it says nothing of avg_pool1d)",
    )


def crashes(x: Any, *operands: Any, **params: Any) -> Any:
    if not len(x):
        os.abort()
    return conv.forward(x, *operands, **params)


def hangs(x: Any, *operands: Any, **params: Any) -> Any:
    while not len(x):
        time.sleep(1)
    return conv.forward(x, *operands, **params)


@pytest.mark.parametrize("forward", [crashes, hangs])
def test_code_that_crashes_or_hangs_beyond_its_claims_ends_no_run(forward: Any) -> None:
    subject = Subject(forward, conv.vjp, operation="conv2d", empty=False)
    start = time.monotonic()
    assert unneeded(subject, []) == ()
    assert time.monotonic() - start < 30


def test_nothing_that_is_tried_stays_behind(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []

    def noisy(x: Any, *operands: Any, **params: Any) -> Any:
        seen.append(len(x))
        os.write(1, b"noise")
        return conv.forward(x, *operands, **params)

    subject = Subject(noisy, conv.vjp, operation="conv2d", empty=False)
    assert unneeded(subject, [])
    assert seen == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [None, 3, [["a case", True]] * 20_000])
def test_an_answer_comes_back_from_a_process_of_its_own(answer: Any) -> None:
    assert apart(lambda: answer, seconds=60) == answer


def test_no_answer_is_none() -> None:
    def raises() -> None:
        raise ZeroDivisionError

    assert apart(raises, seconds=60) is None
    start = time.monotonic()
    assert apart(lambda: time.sleep(60), seconds=0.1) is None
    assert time.monotonic() - start < 30


def test_a_run_shows_all_that_is_claimed() -> None:
    subject = Subject(
        refuses_even,
        conv.vjp,
        operation="conv2d",
        name="mine",
        empty=False,
        accumulates="float32",
        refuses=("ValueError", "KeyError"),
    )
    report = bpcheck.check(subject, profile="quick", dtypes=["float32"])
    text = report_text(report, width=200)
    assert " claims: sums in float32, to refuse by ValueError, KeyError\n" in text.replace(";", ",")
    assert " Not claimed: empty batches, ValueError: odd kernels only (" in text.replace(";", ",")
    told = f"empty = False ({MOST} cases beyond it agree); refuses KeyError (never raised)"
    assert f" claims that seem not to be needed: {told}\n" in text
    assert '"not_needed": [\n          "empty = False (3 cases' in to_json(report)


def test_a_run_of_few_cases_tells_nothing_of_claims_that_are_not_needed() -> None:
    subject = Subject(conv.forward, conv.vjp, operation="conv2d", empty=False)
    report = bpcheck.check(subject, count=4)
    assert report.not_needed == ()
    assert report.left_out == {"empty batches": 0}


def test_claims_about_values_that_an_operation_does_not_have_are_tried_nowhere() -> None:
    subject = Subject(network.forward, network.vjp, "network", nan=False, exact=False)
    assert unneeded(subject, []) == ()
