"""Scheduling: workers change how long a run takes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bpcheck import Subject, UsageError
from bpcheck.report import to_json
from bpcheck.runner import Progress, check_subject
from reference import conv

pytestmark = pytest.mark.verdicts


def rotated(residuals: Any, y_bar: Any) -> Any:
    x_bar, w_bar, b_bar = conv.vjp(residuals, y_bar)
    return x_bar, np.ascontiguousarray(w_bar[..., ::-1, ::-1]), b_bar


RIGHT = Subject(forward=conv.forward, vjp=conv.vjp, operation="conv2d", dtypes=conv.DTYPES)
WRONG = replace(RIGHT, vjp=rotated)


@pytest.mark.parametrize("subject", [RIGHT, WRONG])
def test_the_report_does_not_depend_on_the_number_of_workers(subject: Subject) -> None:
    alone, together = (check_subject(subject, count=40, jobs=jobs) for jobs in (1, 2))
    assert to_json(alone) == to_json(together)


def test_any_executor_will_do() -> None:
    with ThreadPoolExecutor(1) as executor:
        through = check_subject(WRONG, count=30, executor=executor)
    assert to_json(through) == to_json(check_subject(WRONG, count=30))


def test_another_seed_gives_other_cases() -> None:
    seen: list[str] = []
    for seed in (0, 1):
        check_subject(RIGHT, count=20, seed=seed, on_progress=lambda step: seen.append(step.case))
    assert seen[:20] != seen[20:]


def test_an_interrupt_keeps_what_was_found() -> None:
    steps: Iterator[int] = iter(range(20))

    def interrupt(progress: Progress) -> None:
        if next(steps) == 10:
            raise KeyboardInterrupt

    report = check_subject(WRONG, count=100, on_progress=interrupt)
    assert not report.is_complete
    assert 0 < report.cases < 100
    assert report.judgements


def test_no_worker_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="jobs=0: must be at least 1"):
        check_subject(RIGHT, jobs=0)
