"""A baseline keeps how sums are added up, so that a comparison says why errors grew."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bpcheck.precision import BaselineError, Measurement, dumps, loads, measure
from bpcheck.precision.compare import Comparison
from bpcheck.precision.table import print_comparison
from bpcheck.subject import Subject
from reference import conv

Sum = Callable[[Any], Any]


def one_by_one(terms: Any) -> Any:
    total = 0 * terms[0]
    for each in terms:
        total = total + each
    return total


def in_pairs(terms: Any) -> Any:
    half = len(terms) // 2
    return in_pairs(terms[:half]) + in_pairs(terms[half:]) if half else terms[0]


def measured(add: Sum) -> Measurement:
    """A convolution whose bias gradient is added up so."""

    def vjp(residuals: Any, y_bar: Any) -> Any:
        x_bar, w_bar, _ = conv.vjp(residuals, y_bar)
        terms = np.moveaxis(y_bar, 1, 0).reshape(y_bar.shape[1], -1)
        return x_bar, w_bar, add(terms.T)

    subject = Subject(conv.forward, vjp, operation="conv1d", name="conv", dtypes=("float32",))
    return measure(subject, results=["b_bar"], longest=64, cases=1)


@pytest.fixture(scope="module")
def before() -> Measurement:
    return measured(in_pairs)


@pytest.fixture(scope="module")
def now() -> Measurement:
    return measured(one_by_one)


def test_a_measurement_has_the_word_of_each_result(before: Measurement, now: Measurement) -> None:
    assert before.orders == {"b_bar f32": "pairwise"}
    assert now.orders == {"b_bar f32": "sequential"}


def test_the_file_keeps_the_words_and_those_without_are_read(before: Measurement) -> None:
    assert loads(dumps([before]), origin="file") == (before,)
    older = replace(before, orders={})
    assert "orders" not in dumps([older])
    assert loads(dumps([older]), origin="file") == (older,)
    broken = dumps([before]).replace('"pairwise"', "3")
    with pytest.raises(BaselineError, match="words were expected"):
        loads(broken, origin="file")


def test_a_comparison_says_which_sums_have_another_order(
    before: Measurement, now: Measurement
) -> None:
    comparison = Comparison(before, now, 1.1, (), ())
    assert comparison.reordered == ("b_bar f32 was pairwise, is sequential",)
    assert Comparison(before, before, 1.1, (), ()).reordered == ()
    # Nothing is known of what an older file does not have.
    assert Comparison(replace(before, orders={}), now, 1.1, (), ()).reordered == ()
    said = io.StringIO()
    print_comparison(comparison, Console(file=said, width=200))
    assert "sums in another order: b_bar f32 was pairwise, is sequential" in said.getvalue()


def test_what_takes_long_is_not_probed() -> None:
    def slow(terms: Any) -> Any:
        time.sleep(0.06)
        return one_by_one(terms)

    assert measured(slow).orders == {}
