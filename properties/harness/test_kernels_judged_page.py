"""docs/kernels-judged.md is of the kernels and findings that are listed, and speaks of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.judged.findings import EXPLAINED, REPRODUCED, Finding, explained
from benchmarks.judged.listed import KERNELS, STOPPED, Kernel
from benchmarks.judged.page import LIMITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kernels-judged.md").read_text(encoding="utf-8")
NAMES = {f"{each.package}:{each.name}" for each in KERNELS}


def row(kernel: Kernel) -> str:
    return next(line for line in PAGE.splitlines() if f"`{kernel.called}` | {kernel.name} " in line)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda each: f"{each.package}:{each.name}")
def test_each_kernel_has_a_verdict_that_was_looked_into(kernel: Kernel) -> None:
    assert f"| {kernel.cases} |" in row(kernel)
    assert "not looked into" not in row(kernel)


@pytest.mark.parametrize("finding", EXPLAINED, ids=lambda each: each.title)
def test_each_finding_is_of_a_listed_kernel_and_shown_on_the_page(finding: Finding) -> None:
    assert set(finding.kernels) <= NAMES
    assert f"](#{finding.anchor})" in PAGE
    assert REPRODUCED[finding.program].read_text(encoding="utf-8").strip() in PAGE


def test_what_stops_others_and_what_cannot_be_seen_is_told() -> None:
    assert all(f"| {what} |" in PAGE for _, what, _ in STOPPED)
    assert LIMITS in PAGE


def test_a_judgement_that_nobody_has_looked_into_is_no_known_one() -> None:
    kernel = next(each for each in KERNELS if (each.package, each.name) == ("liger", "rotary"))
    assert explained(kernel, {"judgement": "changes its input"}) is not None
    assert explained(kernel, {"judgement": "backward wrong"}) is None
