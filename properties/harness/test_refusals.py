"""However a subject refuses, as many cases are judged, the same classes met, the same found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.operations import operation_named
from bpcheck.planning.acceptance import Acceptance
from bpcheck.verdict import Report, Verdict
from reference import max_pool

pytestmark = pytest.mark.verdicts


def only_strides(params: dict[str, Any]) -> bool:
    """Whether a case needs no param but the kernel and the stride."""
    return (
        set(params["padding"]) == {0} and set(params["dilation"]) == {1} and not params["ceil_mode"]
    )


def by_signature(vjp: Any) -> bpcheck.Subject:
    def forward(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        return max_pool.forward(x, kernel_size=kernel_size, stride=stride)

    return bpcheck.Subject(forward, vjp, operation="max_pool1d")


def raising(error: type[Exception]) -> Callable[[Any], bpcheck.Subject]:
    def subject(vjp: Any) -> bpcheck.Subject:
        def forward(x: Any, **params: Any) -> Any:
            if not only_strides(params):
                raise error("kernel and stride only")
            return max_pool.forward(x, **params)

        claims = {} if error is NotImplementedError else {"refuses": (error,)}
        return bpcheck.Subject(forward, vjp, operation="max_pool1d", **claims)  # type: ignore[arg-type]

    return subject


def by_supports(vjp: Any) -> bpcheck.Subject:
    return bpcheck.Subject(
        max_pool.forward,
        vjp,
        operation="max_pool1d",
        supports=lambda params, shapes: only_strides(params),
    )


WAYS = {
    "signature": by_signature,
    "NotImplementedError": raising(NotImplementedError),
    "ValueError": raising(ValueError),
    "supports": by_supports,
}


def wrong(residuals: Any, y_bar: Any) -> Any:
    """Layers of odd width lose the last column of their gradient."""
    (x_bar,) = max_pool.vjp(residuals, y_bar)
    x_bar = x_bar.copy()
    if x_bar.shape[-1] % 2 and x_bar.shape[-1] > 2:
        x_bar[..., -1] = 0
    return (x_bar,)


@cache
def of_a_right_one(way: str) -> Report:
    return bpcheck.check(WAYS[way](max_pool.vjp), profile="quick")


def met(report: Report) -> set[str]:
    return {name for name, cases in report.coverage.items() if cases}


@pytest.mark.xdist_group("refusals")
@pytest.mark.parametrize("way", WAYS)
def test_a_right_one_is_judged_on_as_many_cases_and_classes(way: str) -> None:
    report = of_a_right_one(way)
    assert report.verdict is Verdict.AGREES
    assert report.cases >= 300
    assert report.missing == ()
    assert met(report) == met(of_a_right_one("signature"))


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_one_is_found(way: str) -> None:
    report = bpcheck.check(WAYS[way](wrong), profile="quick", count=60)
    assert report.verdict is Verdict.BACKWARD_WRONG
    assert {judgement.result for judgement in report.judgements} == {"x_bar"}


def test_one_that_takes_a_single_layer_is_judged_on_it_alone() -> None:
    def forward(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        if (kernel_size, stride) != ((2, 2), (2, 2)):
            raise NotImplementedError("2x2 windows that tile")
        return max_pool.forward(x, kernel_size=kernel_size, stride=stride)

    right = bpcheck.Subject(forward, max_pool.vjp, operation="max_pool2d")
    report = bpcheck.check(right, profile="quick", count=100)
    assert report.verdict is Verdict.AGREES
    assert report.cases >= 100
    assert report.coverage["family 2x2, stride 2"] > 10
    zeros = replace(right, vjp=lambda residuals, y_bar: (0 * max_pool.vjp(residuals, y_bar)[0],))
    assert bpcheck.check(zeros, count=30).verdict is Verdict.BACKWARD_WRONG


def test_the_report_does_not_depend_on_the_number_of_workers() -> None:
    subject = raising(NotImplementedError)(max_pool.vjp)
    assert bpcheck.check(subject, count=80) == bpcheck.check(subject, count=80, jobs=2)


def test_no_case_has_the_batch_of_one_layer_on_the_image_of_another() -> None:
    pool = operation_named("max_pool2d")
    learning = Acceptance(pool, np.random.default_rng(0))
    for taken in ("n1ic1ih182iw182kh3kw3sh3sw3", "n63ic15ih5iw5kh3kw3sh2sw2"):
        learning.learn(parse_case(f"max_pool2d {taken} f64"), taken=True)
    refused = parse_case("max_pool2d n63ic15ih5iw5kh3kw3sh2sw2ph1pw1 f64")
    for seed in range(3):
        learning.learn(replace(refused, seed=seed), taken=False)
    for _ in range(50):
        found = learning.shaped(refused.geometry, keep={"kh", "kw", "sh", "sw"})
        assert found is None or pool.multiplications(found) < 10**6
