"""Time and memory beside torch's: numbers of which a test knows the cause, and no verdict."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

import bpcheck
from bpcheck.planning.limits import Limits
from bpcheck.report import report_text, to_json
from bpcheck.report.html import to_html
from bpcheck.runner.peak import peak_of
from bpcheck.runner.timing import timing
from bpcheck.subject import Subject
from bpcheck.verdict.timed import Timing
from reference import avg_pool

#: Bytes of a buffer that hides nowhere.
LARGE = 40_000_000


def forward(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    return avg_pool.forward(x, kernel_size=kernel_size, stride=stride)


def slow(x: Any, *, kernel_size: Any, stride: Any) -> Any:
    for _ in range(29):
        forward(x, kernel_size=kernel_size, stride=stride)
    return forward(x, kernel_size=kernel_size, stride=stride)


def wasteful(residuals: Any, y_bar: Any) -> Any:
    kept = np.ones(LARGE, np.uint8)
    return avg_pool.vjp(residuals, y_bar + (kept[0] - 1))


def timed(forward: Any, vjp: Any = avg_pool.vjp, **how: Any) -> Timing:
    subject = Subject(forward, vjp, operation="avg_pool1d")
    # One family or two: what is left has no time.
    return timing(subject, lambda name: None, 0, "float32", Limits(64), **{"patience": 0.05, **how})


def test_what_computes_everything_thirty_times_takes_longer_in_its_forward_alone() -> None:
    once, often = timed(forward).rows, timed(slow).rows
    assert once[0].family == often[0].family
    # Other processes take their part of the time, of either.
    longer = often[0].forward.times / once[0].forward.times
    assert longer > 3 * often[0].vjp.times / once[0].vjp.times


def test_a_buffer_shows_in_the_memory_of_the_step_that_makes_it() -> None:
    for each in timed(forward, wasteful).rows:
        assert each.forward.peak < LARGE < each.vjp.peak < 2 * LARGE
        assert each.vjp.memory > each.forward.memory


@pytest.mark.parametrize("make", [lambda: np.ones(LARGE, np.uint8), lambda: torch.ones(LARGE // 4)])
def test_the_peak_is_that_of_numpy_and_of_torch(make: Any) -> None:
    assert LARGE <= peak_of(make) < 1.01 * LARGE
    assert LARGE <= peak_of(lambda: make().sum()) < 1.01 * LARGE


def test_torch_takes_as_much_memory_as_torch() -> None:
    subject = bpcheck.adapters.torch(torch.nn.functional.conv1d, operation="conv1d")
    found = timing(subject, lambda name: None, 0, "float32", Limits(256), patience=0.3)
    assert found.rows
    assert all(0.9 < each.vjp.memory < 1.1 for each in found.rows)
    assert found.left > 0


def test_what_fails_on_a_larger_case_has_no_row() -> None:
    def small(x: Any, *, kernel_size: Any, stride: Any) -> Any:
        if kernel_size[0] > 2:
            raise MemoryError("too large")
        return forward(x, kernel_size=kernel_size, stride=stride)

    assert [each.family for each in timed(small, patience=9.0).rows] == ["2, stride 2"]


def test_the_report_has_a_table_of_it_where_somebody_asked() -> None:
    subject = Subject(
        forward,
        avg_pool.vjp,
        operation="avg_pool1d",
        name="mine",
        # One family.
        supports=lambda params, shapes: params["kernel_size"] == (2,),
    )
    report = bpcheck.check(subject, count=4, times=True)
    assert report.timing is not None
    families = [each.family for each in report.timing.rows]
    text, page, data = report_text(report), to_html(report), json.loads(to_json(report))
    assert families
    assert "time and memory, no part of the verdict" in text
    assert all(f"\n {name} " in text and f">{name}</th>" in page for name in families)
    found = data["reports"][0]["timing"]["families"]
    assert [each["family"] for each in found] == families
    assert all(each["low"] <= each["times"] <= each["high"] for each in (found[0]["forward"],))


def test_nobody_who_has_not_asked_is_told_of_time() -> None:
    subject = Subject(forward, avg_pool.vjp, operation="avg_pool1d", name="mine")
    report = bpcheck.check(subject, count=4)
    assert json.loads(to_json(report))["reports"][0]["timing"] is None
    assert "time and memory" not in report_text(report).lower() + to_html(report).lower()
