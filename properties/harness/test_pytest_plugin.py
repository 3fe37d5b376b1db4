"""Conformance tests: one item for each check and result, and the finding as the failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

# Imported here, so that the runs within the tests find them imported.
import torch  # noqa: F401

import bpcheck.runner
from bpcheck.checks import CHECK_NAMES, names_for
from bpcheck.planning.profiles import PROFILES
from bpcheck.pytest_plugin import _PROFILES
from bpcheck.subject import Subject
from bpcheck.verdict import Cell, Judgement, Report, Verdict
from reference import avg_pool

HEADER = """\
import bpcheck
import pytest
from reference import avg_pool

def forward_of_nothing(*operands, **params):
    raise NotImplementedError("not yet")

def doubled(residuals, y_bar):
    return tuple(2 * x_bar for x_bar in avg_pool.vjp(residuals, y_bar))

right = bpcheck.Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d", name="right")
wrong = bpcheck.Subject(avg_pool.forward, doubled, operation="avg_pool1d", name="wrong")
nothing = bpcheck.Subject(forward_of_nothing, doubled, operation="avg_pool1d", name="nothing")
"""

#: The checks that say something of kernels on arrays, in a planned run.
ON_ARRAYS = names_for(Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d"))

#: How many items a subject with the results ``y`` and ``x_bar`` has.
ITEMS = 2 * len(ON_ARRAYS)


class Runs:
    """Runs pytest on a module, and remembers what was checked, on few cases."""

    def __init__(self, pytester: pytest.Pytester, report: Report | None = None):
        self.pytester = pytester
        self.report = report
        self.checked: list[tuple[str, str, int]] = []

    def __call__(self, body: str, *args: str) -> pytest.RunResult:
        self.pytester.makepyfile(test_layers=HEADER + body)
        return self.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rsxf", *args)

    def check_subject(self, subject: Subject, *, profile: str, seed: int, **where: Any) -> Report:
        self.checked.append((subject.name, profile, seed))
        return self.report or bpcheck_check(subject, profile=profile, seed=seed, count=24, **where)


bpcheck_check = bpcheck.runner.check_subject


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs(pytester)
    monkeypatch.setattr(bpcheck.runner, "check_subject", made.check_subject)
    return made


def report_of(*judgements: Judgement, **changes: Any) -> Report:
    """A report on average pooling; autograd failed for ``x_bar`` if there are judgements."""
    passed = {"y": Cell(passed=9), "x_bar": Cell(passed=9)}
    table = dict.fromkeys(CHECK_NAMES, passed)
    table["finite differences"] = {"y": Cell(not_applicable=9), "x_bar": Cell(passed=9)}
    if judgements:
        table["autograd"] = {"y": Cell(passed=9), "x_bar": Cell(passed=8, failed=1)}
    fields: dict[str, Any] = {
        "subject": "right",
        "operation": "avg_pool1d",
        "style": "NumPy",
        "profile": "quick",
        "seed": 0,
        "dtypes": ("float64",),
        "verdict": judgements[0].verdict if judgements else Verdict.AGREES,
        "judgements": judgements,
        "table": table,
        "cases": 9,
        "unsupported": 0,
        "coverage": {},
    }
    return Report(**fields | changes)


def judged(verdict: Verdict, result: str, because: str = "because") -> Judgement:
    return Judgement(
        verdict=verdict,
        result=result,
        because=because,
        where="",
        failing=1,
        judged=9,
        smallest="avg_pool1d n1ic1iw4kw2",
        findings=(),
    )


def names(result: pytest.RunResult, outcome: str) -> list[str]:
    """The items that ended so, by the part of their id in brackets."""
    lines = [line for line in result.outlines if line.startswith("test_layers.py::")]
    return [line.split("[", 1)[1].split("]")[0] for line in lines if f" {outcome}" in line]


def every_item(results: Sequence[str]) -> list[str]:
    return [f"{check.replace(' ', '-')}-{result}" for check in ON_ARRAYS for result in results]


def test_each_check_and_result_is_one_item(runs: Runs) -> None:
    result = runs("test_pool = bpcheck.conformance(right)", "-v")
    passed, skipped = names(result, "PASSED"), names(result, "SKIPPED")
    assert sorted(passed + skipped) == sorted(every_item(["y", "x_bar"]))
    assert {"contract-y", "contract-x_bar", "autograd-y", "autograd-x_bar"} <= set(passed)
    assert "finite-differences-x_bar" in passed
    assert "finite-differences-y" in skipped


def test_a_convolution_has_items_for_three_gradients(runs: Runs) -> None:
    body = """
conv2d = bpcheck.Subject(forward_of_nothing, doubled, operation="conv2d")
test_conv2d = bpcheck.conformance(conv2d)
"""
    result = runs(body, "--collect-only", "-q")
    collected = [line for line in result.outlines if "::" in line]
    assert collected == [
        f"test_layers.py::test_conv2d[{item}]"
        for item in every_item(["y", "x_bar", "w_bar", "b_bar"])
    ]
    assert not runs.checked


def test_a_failure_is_the_finding_and_no_traceback_of_the_harness(runs: Runs) -> None:
    result = runs("test_pool = bpcheck.conformance(wrong)", "-v")
    # The value kinds that 24 cases hold, each judged under its own name.
    autograd = ["autograd-x_bar", "NaN-and-infinity-x_bar", "extreme-values-x_bar"]
    assert names(result, "FAILED") == [*autograd, "finite-differences-x_bar", "rounding-x_bar"]
    result.stdout.fnmatch_lines(
        [
            "* test_pool?autograd-x_bar? *",
            "x_bar: backward wrong*",
            "*autograd and finite differences are against it*",
            "*x_bar?0,0,*?   got *   autograd *   finite differences *",
            "*replay * bpcheck replay 'avg_pool1d n1*' test_layers.py:wrong",
            "This check failed for x_bar in * of * cases.",
            "* test_pool?rounding-x_bar? *",
            "x_bar: backward wrong*",
            "*as told by *test_pool?autograd-x_bar?",
            "This check failed for x_bar in * of * cases.",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")
    result.stdout.no_fnmatch_line("*bpcheck/testing.py*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_subject_is_checked_once_for_all_its_items(runs: Runs) -> None:
    runs.report = report_of()
    result = runs("test_a = bpcheck.conformance(right)\ntest_b = bpcheck.conformance(right)")
    result.assert_outcomes(passed=2 * ITEMS - 2, skipped=2)
    assert [name for name, *_ in runs.checked] == ["right"]


def test_a_run_that_judges_nothing_fails_and_says_why(runs: Runs) -> None:
    result = runs("test_pool = bpcheck.conformance(nothing)")
    result.assert_outcomes(failed=ITEMS)
    result.stdout.fnmatch_lines(
        ["nothing could be judged of nothing", "*not claimed: not yet (* cases)"]
    )


def test_an_item_points_to_the_line_of_the_conformance_test(runs: Runs) -> None:
    runs.report = report_of()
    result = runs("\n\ntest_pool = bpcheck.conformance(right)")
    line = HEADER.count("\n") + 3
    result.stdout.fnmatch_lines([f"SKIPPED * test_layers.py:{line}: finite differences: *"])


def test_marks_and_test_classes_work_as_for_any_test(runs: Runs) -> None:
    body = """
class TestPool:
    test_right = bpcheck.conformance(right)

test_wrong = pytest.mark.skip(reason="known")(bpcheck.conformance(wrong))
"""
    runs.report = report_of()
    result = runs(body)
    result.assert_outcomes(passed=ITEMS - 1, skipped=ITEMS + 1)
    result.stdout.fnmatch_lines([f"SKIPPED ?{ITEMS}? test_layers.py:18: known"])
    assert [name for name, *_ in runs.checked] == ["right"]


def test_options_say_what_is_checked_and_outrank_the_configuration(runs: Runs) -> None:
    runs.report = report_of()
    body = "test_pool = bpcheck.conformance(right)"
    runs(body)
    runs.pytester.makeini("[pytest]\nbpcheck_profile = thorough\nbpcheck_seed = 5")
    runs(body)
    runs(body, "--bpcheck-profile=quick", "--bpcheck-seed=7")
    assert runs.checked == [
        ("right", "default", 0),
        ("right", "thorough", 5),
        ("right", "quick", 7),
    ]


def test_options_know_the_profiles_there_are(runs: Runs) -> None:
    assert tuple(PROFILES) == _PROFILES
    result = runs("test_pool = bpcheck.conformance(right)", "--bpcheck-profile=quickest")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*invalid choice: 'quickest'*"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "bpcheck_seed = few",
            "bpcheck_seed=few: must be an integer of at least 0, and at most 2**64",
        ),
        ("bpcheck_profile = quickest", "profile='quickest': must be one of quick, *"),
    ],
)
def test_a_setting_that_cannot_be_used_is_the_message(
    runs: Runs, setting: str, message: str
) -> None:
    runs.pytester.makeini(f"[pytest]\n{setting}")
    result = runs("test_pool = bpcheck.conformance(right)", "--tb=short")
    result.assert_outcomes(failed=ITEMS)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_an_unknown_operation_is_said_when_tests_are_collected(runs: Runs) -> None:
    body = "test_it = bpcheck.conformance(bpcheck.Subject(print, print, operation='conv4d'))"
    result = runs(body)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'conv4d': no such operation; *there are conv1d*"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_only_a_subject_can_be_tested_for_conformance() -> None:
    with pytest.raises(TypeError, match=r"a bpcheck\.Subject was expected"):
        bpcheck.conformance(print)  # type: ignore[arg-type]


def test_what_is_not_the_fault_of_the_subject_is_an_expected_failure(runs: Runs) -> None:
    runs.report = report_of(judged(Verdict.ORACLE_WRONG, "x_bar"))
    result = runs("test_pool = bpcheck.conformance(right)")
    result.assert_outcomes(passed=ITEMS - 2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL *autograd-x_bar* x_bar: the oracle is wrong"])


def test_a_check_that_failed_in_passing_tells_of_the_result_that_is_blamed(runs: Runs) -> None:
    runs.report = report_of(judged(Verdict.FORWARD_DIFFERS, "y"))
    result = runs("test_pool = bpcheck.conformance(right)")
    result.assert_outcomes(passed=ITEMS - 2, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["* test_pool?autograd-x_bar? *", "y: forward computes something*"])


def test_a_failed_check_without_a_judgement_is_still_a_failure(runs: Runs) -> None:
    table = dict(report_of().table)
    table["autograd"] = {"y": Cell(passed=9), "x_bar": Cell(passed=8, failed=1)}
    runs.report = report_of(table=table)
    result = runs("test_pool = bpcheck.conformance(right)")
    result.assert_outcomes(passed=ITEMS - 2, skipped=1, failed=1)
    result.stdout.fnmatch_lines(["This check failed for x_bar in 1 of 9 cases."])


def test_an_interrupt_while_checking_ends_the_test_run(runs: Runs) -> None:
    runs.report = report_of(is_complete=False)
    with pytest.raises(KeyboardInterrupt):
        runs("test_pool = bpcheck.conformance(right)")


def test_the_items_of_a_subject_stay_together_under_xdist(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    # Nothing is checked here, so that two more imports of torch are saved.
    body = HEADER + (
        "test_a = bpcheck.conformance(right)\n"
        "test_b = bpcheck.conformance(wrong)\n"
        "@pytest.fixture\n"
        "def bpcheck_judge(request):\n"
        "    return lambda subject: None\n"
    )
    pytester.makepyfile(test_layers=body)
    result = pytester.runpytest_subprocess("-n2", "--dist=loadgroup", "-v")
    result.assert_outcomes(passed=2 * ITEMS)
    lines = [line for line in result.outlines if "PASSED" in line]
    for test in ("test_a", "test_b"):
        assert len({line.split()[0] for line in lines if f"::{test}[" in line}) == 1


def test_what_a_subject_does_not_claim_is_said_at_the_end(runs: Runs) -> None:
    runs.report = report_of(claimed=("sums in float32",), left_out={"NaN": 0, "too large": 3})
    result = runs('test_pool = bpcheck.conformance(right, claims={"nan": False})')
    result.assert_outcomes(passed=ITEMS - 1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "right, avg_pool1d: claims: sums in float32",
            "right, avg_pool1d: not claimed: NaN, too large (3 cases)",
        ]
    )


def test_other_claims_leave_a_subject_its_name(runs: Runs) -> None:
    runs.report = report_of(judged(Verdict.BACKWARD_WRONG, "x_bar"))
    result = runs('test_pool = bpcheck.conformance(right, claims={"empty": False})')
    result.stdout.fnmatch_lines(["*bpcheck replay * test_layers.py:right"])
