"""The condition of a defect is found, and tested on fresh cases with it and without."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.cases import Case, parse_case
from bpcheck.explain.right import right_kernel
from bpcheck.operations import operation_named
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.report import report_text
from bpcheck.report.html import to_html
from bpcheck.report.json import to_json
from bpcheck.report.markdown import to_markdown
from bpcheck.runner.condition import asked_of, condition_of_defect
from bpcheck.runner.fresh import Dressing, fresh_cases
from bpcheck.runner.one import judge
from bpcheck.runner.run import check_subject
from bpcheck.runner.worn import worn_by_chance
from bpcheck.subject import Subject
from bpcheck.verdict import Report
from bpcheck.verdict.conditions import TIE, condition_of, plainer
from bpcheck.verdict.tally import Tally
from bpcheck.verdict.tried import Tried

#: Enough for a mistake that half of all cases show.
CASES, LARGEST = 90, 1_024

#: The checks that compare values.
COMPARING = ("contract", "autograd", "empty batch")

Bars = tuple[Any, ...]


def wrong_where(
    operation: str, shows: Callable[[dict[str, Any], Array, Array], str], names: tuple[str, ...]
) -> Subject:
    """A kernel of which `shows`, of params, x and y_bar, says the result that is wrong; or ""."""
    right = right_kernel(operation)

    def forward(*operands: Any, **params: Any) -> tuple[Any, Any]:
        y, residuals = right.forward(*operands, **params)
        return y, (residuals, params, np.array(operands[0]))

    def vjp(residuals: Any, y_bar: Array) -> Bars:
        inner, params, x = residuals
        bars = dict(zip(names, right.vjp(inner, y_bar), strict=True))
        for result in filter(None, shows(params, x, y_bar).split()):
            bars[result] = None if bars[result] is None else bars[result] * 3
        return tuple(bars.values())

    # As the params are called, or a plan would take them for missing.
    forward.__signature__ = _signature(operation)  # type: ignore[attr-defined]
    return Subject(forward, vjp, operation=operation, name="mine", torch_ties=True)


def _signature(operation: str) -> Any:
    promise = operation_named(operation)
    positional = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in promise.operands
    ]
    rest = inspect.Parameter("params", inspect.Parameter.VAR_KEYWORD)
    return inspect.Signature([*positional, rest])


CONV = ("x_bar", "w_bar", "b_bar")


def tallied(subject: Subject, cases: Iterable[Case] = ()) -> Tally:
    """What a short run on plain values finds, or one of these cases."""
    plan = Plan(
        subject.operation,
        profile=PROFILES["quick"],
        dtypes=["float64"],
        limits=Limits(LARGEST),
    )
    tally = Tally()
    for case in cases or islice(plan, CASES):
        plain = replace(case, values="exact", layout="c-order")
        tally.add(judge(subject, plain, checks=COMPARING))
    return tally


def conditions_of(subject: Subject, cases: Iterable[Case] = ()) -> dict[str, Tried | None]:
    """The condition of each defect, by the result that is wrong."""
    tally = tallied(subject, cases)
    questions = {
        defect.result: asked_of(
            defect,
            tally,
            None,
            checks=COMPARING,
            seed=0,
            limits=Limits(LARGEST),
            dtypes=["float64"],
        )
        for defect in tally.decided()
    }
    return {result: condition_of_defect(subject, asked) for result, asked in questions.items()}


def where(found: Tried | None) -> set[str]:
    assert found is not None
    return set(found.where.split(" and "))


def test_the_condition_of_a_class_is_borne_out_on_both_sides() -> None:
    subject = wrong_where(
        "conv1d", lambda params, x, y_bar: "w_bar" if params["stride"] > (1,) else "", CONV
    )
    found = conditions_of(subject)["w_bar"]
    assert where(found) == {"stride > 1"}
    assert found is not None
    assert found.cases_with == found.cases_without == 100
    assert found.wrong_with >= 95
    assert found.wrong_without == 0


def test_a_condition_may_be_a_pair_of_classes() -> None:
    def both(params: dict[str, Any], x: Array, y_bar: Array) -> str:
        return "x_bar" if len(x) > 1 and params["stride"] > (1,) else ""

    found = conditions_of(wrong_where("conv1d", both, CONV))["x_bar"]
    assert where(found) == {"batch many", "stride > 1"}


def test_a_condition_may_be_a_size() -> None:
    def shows(params: dict[str, Any], x: Array, y_bar: Array) -> str:
        return "x_bar" if len(x) > 4 else ""

    layers = [f"conv1d n{n}ic1iw5oc2kw{k} f64" for n in range(1, 13) for k in (1, 2)]
    found = conditions_of(wrong_where("conv1d", shows, CONV), list(map(parse_case, layers)))
    assert where(found["x_bar"]) == {"more than 4 samples"}


def test_what_is_one_class_or_another_gets_no_condition() -> None:
    def either(params: dict[str, Any], x: Array, y_bar: Array) -> str:
        return "x_bar" if len(x) > 1 or params["stride"] > (1,) else ""

    found = conditions_of(wrong_where("conv1d", either, CONV))["x_bar"]
    assert found is None or not found.where


def test_two_defects_of_one_kernel_have_their_own_conditions() -> None:
    def shows(params: dict[str, Any], x: Array, y_bar: Array) -> str:
        first = "x_bar" if params["stride"] > (1,) else ""
        return f"{first} w_bar" if len(x) > 1 else first

    found = conditions_of(wrong_where("conv1d", shows, CONV))
    assert where(found["x_bar"]) == {"stride > 1"}
    assert where(found["w_bar"]) == {"batch many"}


def test_what_is_wrong_everywhere_is_said_to_be() -> None:
    found = conditions_of(wrong_where("conv1d", lambda params, x, y_bar: "b_bar", CONV))["b_bar"]
    assert found is not None
    assert found.where == "bias yes" or not found.where
    assert found.is_exact


def test_what_only_values_tell_gets_no_condition() -> None:
    subject = wrong_where(
        "conv1d", lambda params, x, y_bar: "w_bar" if y_bar.sum() > 0 else "", CONV
    )
    found = conditions_of(subject)["w_bar"]
    assert found is None or not found.where


def test_fresh_cases_are_the_same_for_the_same_seed() -> None:
    subject = wrong_where(
        "conv1d", lambda params, x, y_bar: "x_bar" if params["stride"] > (1,) else "", CONV
    )
    assert conditions_of(subject) == conditions_of(subject)


def test_fresh_cases_keep_to_the_limits_and_to_the_claims() -> None:
    right = right_kernel("conv1d").claiming(dilation=False)
    tally = tallied(right)
    known = tally.passing["x_bar"]
    plain = Dressing("", (), "float64")
    drawn = list(fresh_cases(right, known, plain, seed=(0,), limits=Limits(256)))
    assert len(drawn) > 100
    operation = right.operation
    assert max(operation.multiplications(case.geometry) for case in drawn) <= 256
    assert {case.params["dilation"] for case in drawn} == {(1,)}
    assert not {case.geometry for case in known} >= {case.geometry for case in drawn}


def test_one_failing_case_among_many_has_neighbours_and_smaller_ones() -> None:
    """What is wrong beyond some size is told by cases on either side of it."""
    right = right_kernel("conv2d")
    known = [parse_case(f"conv2d n2ic3ih{i}iw5oc4kh3kw3 f64 exact c-order") for i in range(3, 90)]
    failing = [parse_case("conv2d n1ic2ih2iw3oc192kh1kw1 f64 exact c-order")]
    plain = Dressing("", (), "float64")
    every = [*failing, *known]
    drawn = fresh_cases(right, every, plain, seed=(0,), limits=Limits(), failing=failing)
    filters = [case.geometry.oc for case in islice(drawn, 280)]
    assert sum(each > 128 for each in filters) >= 12
    assert sum(32 < each <= 128 for each in filters) >= 12


def test_where_each_geometry_is_compiled_no_other_one_is_tried() -> None:
    right = right_kernel("conv1d")
    known = tallied(right).passing["x_bar"][:9]
    plain = Dressing("", (), "float64")
    drawn = list(fresh_cases(right, known, plain, seed=(0,), limits=Limits(None, geometries=9)))
    assert {case.geometry for case in drawn} <= {case.geometry for case in known}
    assert not {case.seed for case in drawn} & {case.seed for case in known}


@pytest.fixture(scope="module")
def report() -> Report:
    subject = wrong_where(
        "avg_pool1d", lambda params, x, y_bar: "x_bar" if len(x) > 1 else "", ("x_bar",)
    )
    return check_subject(subject, profile="quick", count=40, largest=512, dtypes=["float64"])


@pytest.mark.parametrize(
    "written", [lambda r: report_text(r, width=400), to_markdown, to_html, to_json]
)
def test_the_evidence_stands_in_every_report(
    report: Report, written: Callable[[Report], str]
) -> None:
    found = report.judgements[0].tested
    assert found is not None
    assert report.judgements[0].where == found.where == "batch many"
    text = written(report)
    if written is to_json:
        assert f'"cases_with": {found.cases_with}' in text
    else:
        assert f"{found.wrong_with} of {found.cases_with} with" in text


def test_a_word_of_padding_is_a_condition_whatever_the_kernel() -> None:
    layers = [
        f"conv1d n2ic1iw{width}oc2kw{k}{padding} f64"
        for width in (3, 6)
        for k in (1, 2, 3)
        for padding in ("same1", "", "pw1", "pw2sw2")
    ]
    subject = wrong_where(
        "conv1d", lambda params, x, y_bar: "x_bar" if params["padding"] == "same" else "", CONV
    )
    found = conditions_of(subject, list(map(parse_case, layers)))["x_bar"]
    assert where(found) == {"padding 'same'"}


def test_an_empty_batch_is_no_evidence_for_a_layer() -> None:
    def shows(params: dict[str, Any], x: Array, y_bar: Array) -> str:
        return "b_bar" if len(x) else ""

    found = conditions_of(wrong_where("conv1d", shows, CONV))["b_bar"]
    assert found is not None
    assert "batch" not in found.where


def test_what_failing_cases_wear_by_chance_is_no_condition() -> None:
    """Wrong for NaN in any layout: that all known cases are in C order says nothing."""
    case = parse_case("max_pool1d n2ic1iw6kw2 f64 special c-order seed=3")
    by_chance = worn_by_chance([case], lambda each: True)
    assert {"x c-order", "y_bar c-order", "dtype float64"} <= by_chance
    assert "values special" not in by_chance
    only_in_order = worn_by_chance([case], lambda each: not each.layouts.get("x"))
    assert "x c-order" not in only_in_order
    assert "y_bar c-order" in only_in_order


@pytest.mark.parametrize("values", ["real", "tiny"])
def test_numbers_that_a_layout_ties_are_tried_as_ties(values: str) -> None:
    case = parse_case(f"max_pool1d n2ic1iw6kw2 f64 {values} x:broadcast seed=3")
    assert TIE in map(condition_of, plainer(case))
    apart = parse_case(f"max_pool1d n2ic1iw6kw2 f64 {values} c-order seed=3")
    assert TIE not in map(condition_of, plainer(apart))
