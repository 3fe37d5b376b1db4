"""Subjects that compile: few geometries, many values; those of further runs are counted too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

import bpcheck
from bpcheck.cases import Case
from bpcheck.cli.project import entries
from bpcheck.explain.faults.catalogue import fault_named
from bpcheck.planning.beyond import all_within
from bpcheck.planning.compiling import CompilingPlan
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.report import report_text, to_json
from bpcheck.runner import limiting
from bpcheck.runner.limiting import FEWEST, MOST, fewest, paced
from bpcheck.runner.one import Terms, judge
from bpcheck.runner.pace import Pace
from bpcheck.runner.work import Progress
from bpcheck.subject import Subject
from properties.harness.planting import reference


def watched(subject: Subject, on_call: Callable[[Any], None]) -> Subject:
    """The subject; what is compiled for a call is told before it."""

    def forward(*operands: Any, **params: Any) -> Any:
        shapes = tuple(None if each is None else each.shape for each in operands)
        on_call((shapes, tuple(sorted(params.items()))))
        return subject.forward(*operands, **params)

    return replace(subject, forward=forward)


@pytest.mark.parametrize("operation", ["conv2d", "max_pool1d", "avg_pool2d"])
def test_no_more_geometries_are_compiled_than_were_asked_for(operation: str) -> None:
    compiled: set[Any] = set()
    subject = watched(reference(operation), compiled.add)
    # What is timed beforehand has geometries of its own.
    report = bpcheck.check(subject, profile="quick", count=1, geometries=1)
    assert report.geometries == 1
    before = set(compiled)
    report = bpcheck.check(subject, profile="quick", count=45, geometries=9)
    assert report.agrees
    assert report.cases == 45
    assert 7 <= len(compiled - before) <= 9


def test_a_wrong_kernel_costs_as_many_again_for_its_smallest_case() -> None:
    compiled: set[Any] = set()
    wrong = fault_named("w-bar-window-at-j-for-j-times-stride").plant(reference("conv1d"))
    report = bpcheck.check(watched(wrong, compiled.add), count=32, geometries=8)
    assert report.judgements
    assert len(compiled) <= 8 + 8 + 10


#: Mistakes that show in some geometries alone: those of strides, groups, dilation, overlap, ...
FAULTS = (
    ("w-bar-window-at-j-for-j-times-stride", "conv2d"),
    ("x-bar-stride-ignored-with-groups", "conv2d"),
    ("w-bar-dilation-ignored", "conv2d"),
    ("x-bar-same-padding-extra-in-front", "conv2d"),
    ("w-bar-of-the-last-sample", "conv2d"),
    ("raises-for-no-samples", "conv2d"),
    ("x-bar-columns-as-many-as-rows", "conv2d"),
    ("x-bar-last-window-wins", "max_pool2d"),
    ("x-bar-all-ties-rewarded", "max_pool2d"),
    ("zero-padding-wins-throughout", "max_pool2d"),
)


@pytest.mark.parametrize(("name", "operation"), FAULTS)
def test_few_geometries_find_what_shows_in_some_alone(name: str, operation: str) -> None:
    wrong = fault_named(name).plant(reference(operation))
    cases = list(islice(plan_of(wrong, geometries=14), 60))
    assert len({case.geometry for case in cases}) == 14
    assert any(is_defect(wrong, case) for case in cases)


def plan_of(subject: Subject, *, geometries: int) -> CompilingPlan:
    return CompilingPlan(
        subject.operation,
        profile=PROFILES["quick"],
        dtypes=("float64", "float32"),
        limits=Limits(geometries=geometries),
        like=lambda geometry: all_within(subject, geometry),
    )


def test_no_case_of_few_geometries_is_asked_briefly() -> None:
    """Its later cases are others of the same geometries, and no further layers."""
    plan = plan_of(reference("conv2d"), geometries=6)
    quick = PROFILES["quick"]
    assert plan.total == quick.cases
    assert not any(plan.is_brief(case) for case in islice(plan, quick.cases + 20))


def is_defect(subject: Subject, case: Case) -> bool:
    judged = judge(subject, case, terms=Terms(beside=()))
    return any(ruling.verdict.is_defect for ruling in judged.rulings)


class Compiling:
    """A subject whose first call of each shape, and of each layout if asked, takes a while."""

    def __init__(self, *, by_layout: bool):
        self.by_layout, self.compiled = by_layout, set[Any]()

    def subject(self) -> Subject:
        right = reference("avg_pool1d")

        def forward(x: Any, **params: Any) -> Any:
            key = (x.shape, x.dtype, *params.items(), *(x.strides if self.by_layout else ()))
            if key not in self.compiled:
                self.compiled.add(key)
                time.sleep(0.05)
            return right.forward(x, **params)

        return replace(right, forward=forward)


@pytest.mark.parametrize("by_layout", [False, True])
def test_a_subject_that_compiles_slowly_gets_a_limit(by_layout: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    subject = Compiling(by_layout=by_layout).subject()
    limits = paced(subject, ("float64",), 0, 450, Limits()).limits
    assert limits.geometries is not None
    assert FEWEST <= limits.geometries <= MOST
    assert limits.by_layout == by_layout


def test_one_that_does_not_compile_gets_none() -> None:
    assert paced(reference("conv1d"), ("float64",), 0, 450, Limits()).limits.geometries is None


def test_where_layouts_are_compiled_a_geometry_has_two() -> None:
    subject = reference("avg_pool2d")
    plan = plan_of(subject, geometries=6)
    plan.limits = replace(plan.limits, by_layout=True)
    worn: dict[Any, set[str]] = {}
    for case in islice(plan, 120):
        worn.setdefault(case.geometry, set()).add(case.layouts.get("x", "c-order"))
    assert {len(each) for each in worn.values()} <= {1, 2}
    assert any(len(each) == 2 for each in worn.values())


def test_more_time_affords_more_geometries_and_slower_compilation_fewer() -> None:
    slow = Pace(1e-3, 0.0, compiling=1.0)
    quick, default = (fewest(slow, dtypes=2, total=total) for total in (450, 3_000))
    assert quick is not None
    assert default is not None
    assert default > 4 * quick
    assert fewest(replace(slow, by_layout=True), dtypes=2, total=450) == max(FEWEST, quick // 2)


def test_a_geometry_that_is_refused_gives_its_place_to_another() -> None:
    right = reference("conv1d")

    def forward(x: Any, w: Any, b: Any, **params: Any) -> Any:
        if w.shape[2] > 2:
            raise NotImplementedError
        return right.forward(x, w, b, **params)

    report = bpcheck.check(
        replace(right, forward=forward), count=60, geometries=6, dtypes=["float64"]
    )
    assert report.cases == 60
    assert not report.judgements


def test_the_report_says_what_was_left_out_and_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    # A whole profile, or nothing has to be covered; a short one.
    short = {"quick": replace(PROFILES["quick"], cases=60)}
    monkeypatch.setattr("bpcheck.planning.profiles.PROFILES", short)
    steps: list[Progress] = []
    subject = reference("max_pool1d")
    report = bpcheck.check(subject, profile="quick", geometries=4, on_progress=steps.append)
    assert report.agrees
    assert report.exit_code == 0
    assert not report.missing
    assert report.too_many
    said = report_text(report)
    assert "--geometries 4" in said
    assert "left out by --geometries 4: " in said
    compiling = {step.case for step in steps if step.phase == "compiling"}
    # Each of the four in each dtype.
    assert len(compiling) == 4 * len(subject.claims.dtypes)
    assert json.loads(to_json(report))["reports"][0]["geometries"] == 4


def test_the_plan_does_not_depend_on_the_number_of_workers() -> None:
    one, two = (
        bpcheck.check(reference("max_pool1d"), count=24, geometries=5, jobs=jobs, in_process=False)
        for jobs in (1, 2)
    )
    assert to_json(one) == to_json(two)


def test_a_number_below_one_is_refused() -> None:
    with pytest.raises(bpcheck.UsageError, match="geometries=0: must be at least 1"):
        bpcheck.check(reference("conv1d"), geometries=0)


def test_the_project_and_pytest_say_it_too(pytester: pytest.Pytester) -> None:
    file = pytester.path / "pyproject.toml"
    table = 'conv = { target = "reference.conv", operation = "conv1d", geometries = %s }'
    file.write_text("[tool.bpcheck.subjects]\n" + table % 7)
    (entry,) = entries(file)
    assert (entry.geometries, entry.largest) == (7, None)
    file.write_text("[tool.bpcheck.subjects]\n" + table % 0)
    with pytest.raises(bpcheck.UsageError, match="geometries is 0; an integer of at least 1"):
        entries(file)
    pytester.makepyfile(
        """
        import bpcheck
        from properties.harness.planting import reference

        test_conv = bpcheck.conformance(reference("conv1d"))
        """
    )
    result = pytester.runpytest_inprocess(
        "--bpcheck-profile=quick", "--bpcheck-geometries=0", "-k", "contract-y"
    )
    result.stdout.fnmatch_lines(["*bpcheck_geometries=0: must be an integer of at least 1*"])


def test_cases_to_time_are_drawn_once_for_all_subjects_of_an_operation_and_not_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []

    class Watched(Plan):
        def __init__(self, operation: Any, **options: Any) -> None:
            drawn.append(operation)
            super().__init__(operation, **options)

    monkeypatch.setattr(limiting, "Plan", Watched)
    one, other = reference("avg_pool1d"), replace(reference("avg_pool1d"), name="other")
    for subject in (one, other, one):
        paced(subject, ("float64",), 17, 450, Limits())
    assert drawn == [one.operation]
    paced(one, ("float32",), 17, 450, Limits())
    assert len(drawn) == 2
    # Equal by its address, and perhaps of another text.
    again: Any = object.__new__(type(one.operation))
    vars(again).update(vars(one.operation))
    assert again == one.operation
    paced(replace(one, operation=again), ("float64",), 17, 450, Limits())
    assert len(drawn) == 3
    assert drawn[2] is again
