"""What is asked of code on tensors beside its values: each row finds what is planted for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bpcheck
from benchmarks.contract_material import VIOLATIONS, Violation
from benchmarks.contract_material.base import Plain, Right, gradients
from benchmarks.contract_material.operators import registered, right
from benchmarks.contract_strangers import STRANGERS
from bpcheck import adapters
from bpcheck.cases import parse_case
from bpcheck.checks import names_for
from bpcheck.checks.tensors.asked import ROWS
from bpcheck.checks.tensors.operator import TESTS
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.operations import operation_named
from bpcheck.report import report_text
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict import Verdict
from reference import conv

#: Of the first seeds, so that every row is asked.
CASES = tuple(
    map(
        parse_case,
        (
            "conv1d n2ic2iw9oc3kw3sw2pw1dw2 f64 small c-order seed=1",
            "conv1d n2ic2iw7oc3kw2sw1pw1 f32 exact c-order seed=2",
        ),
    )
)


CASE_2D = parse_case("avg_pool2d n2ic2ih4iw4kh2kw2sh2sw2 f64 small c-order seed=1")


def on(function: Any, **claims: Any) -> Subject:
    return adapters.torch(function, operation="conv1d").claiming(**claims)


def outcomes(subject: Subject, cases: Iterable[Any] = CASES) -> list[Outcome]:
    return [each for case in cases for each in judge(subject, case).outcomes]


def failing(found: list[Outcome]) -> set[str]:
    return {each.check for each in found if each.status is Status.FAILED}


def remarks(found: list[Outcome]) -> dict[str, str]:
    return {each.check: each.remark for each in found if each.remark}


#: What a mistake breaks besides: other rows are right about it, too.
BESIDE = {
    "a tape that adds up": {"second vjp", "double backward"},
    "the gradient overwrites what is saved": {"second vjp", "double backward"},
    "a frozen input ends all gradients": set[str](),
}


@pytest.mark.parametrize(
    "violation",
    [each for each in VIOLATIONS if not each.is_missing and each.row in ROWS],
    ids=lambda each: f"{each.row}: {each.name}",
)
def test_the_row_alone_finds_what_was_reported(violation: Violation) -> None:
    found = failing(outcomes(on(violation.function)))
    assert violation.row in found
    assert found - {violation.row} <= BESIDE.get(violation.name, set())


@pytest.mark.parametrize(
    "violation",
    [each for each in VIOLATIONS if each.is_missing and each.row in ROWS],
    ids=lambda each: f"{each.row}: {each.name}",
)
def test_what_is_missing_is_told_and_not_held_against_anybody(violation: Violation) -> None:
    found = outcomes(on(violation.function))
    assert failing(found) == set()
    assert violation.row in remarks(found)


@pytest.mark.parametrize("function", [Right, functional.conv1d])
def test_right_code_with_every_feature_passes_every_row(function: Any) -> None:
    found = outcomes(on(function, double_backward=True, forward_mode=True, vmap=True))
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= set(ROWS)
    # Torch itself has no primitive for some gradients in bfloat16.
    assert set(remarks(found)) <= {"modes"}


def test_a_path_for_channels_last_operands_is_asked_for_as_a_mode() -> None:
    def pooled(x: Any, kernel_size: Any, stride: Any) -> Any:
        if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
            return functional.avg_pool2d(x, kernel_size, stride) * 2
        return functional.avg_pool2d(x, kernel_size, stride)

    wrong = outcomes(adapters.torch(pooled, operation="avg_pool2d"), [CASE_2D])
    assert failing(wrong) == {"modes"}
    assert any("under channels-last" in each.finding.message for each in wrong if each.finding)
    right = outcomes(adapters.torch(functional.avg_pool2d, operation="avg_pool2d"), [CASE_2D])
    assert failing(right) == set()


def test_numbers_that_torch_has_under_a_mode_too_are_not_held_against_a_subject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = operation_named("avg_pool2d")
    torchs = type(operation).torch_forward

    def erring(self: Any, operands: Any, params: Any) -> Any:
        x = operands["x"]
        is_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        return torchs(self, operands, params) * (2 if is_last else 1)

    monkeypatch.setattr(type(operation), "torch_forward", erring)

    def pooled(x: Any, kernel_size: Any, stride: Any) -> Any:
        return erring(operation, {"x": x}, CASE_2D.params)

    found = outcomes(adapters.torch(pooled, operation="avg_pool2d"), [CASE_2D])
    assert failing(found) == set()
    said = "torch's own operation has other numbers under channels-last too"
    assert said in {each.remark for each in found}


def test_no_row_speaks_of_code_that_is_not_on_tensors() -> None:
    subject = Subject(conv.forward, conv.vjp, operation="conv1d")
    assert not [
        each
        for each in outcomes(subject)
        if each.check in ROWS and (each.status is not Status.NOT_APPLICABLE or each.remark)
    ]


#: What turns a row off, or demands what it asks for, with a function that shows it.
def named(name: str) -> Any:
    return next(each.function for each in VIOLATIONS if each.name == name)


@pytest.mark.parametrize(
    ("word", "name", "row"),
    [
        ("needs_grad", "a frozen input ends all gradients", "needs grad"),
        ("double_backward", "half of the history", "double backward"),
        ("forward_mode", "tangents are lost", "forward mode"),
        ("vmap", "axis 0 is no axis", "vmap"),
        ("in_place", "an operand in the context", "saved tensors"),
    ],
)
def test_a_claim_turns_a_row_off(word: str, name: str, row: str) -> None:
    subject = on(named(name))
    assert row in failing(outcomes(subject))
    assert failing(outcomes(subject.claiming({word: False}))) == set()


@pytest.mark.parametrize(
    ("word", "row"),
    [("double_backward", "double backward"), ("forward_mode", "forward mode"), ("vmap", "vmap")],
)
def test_a_claim_demands_what_is_missing(word: str, row: str) -> None:
    subject = on(named("a backward without a graph") if word == "double_backward" else Plain)
    assert failing(outcomes(subject)) == set()
    found = outcomes(subject.claiming({word: True}))
    assert failing(found) == {row}
    assert {each.finding.kind for each in found if each.finding} == {Kind.LACKS}


def test_residuals_that_serve_once_are_not_asked_twice() -> None:
    subject = on(named("a tape that adds up"), single_use=True)
    assert not failing(outcomes(subject)) & {"second backward", "second vjp"}


class Zeros(Plain):
    """Zeros stand for torch's error where the graph was not kept."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        try:
            x, w = ctx.saved_tensors
        except RuntimeError:
            return tuple(None if each is None else torch.zeros(each) for each in ctx.shapes)
        found = gradients(ctx, x, w, grads[0])
        ctx.shapes = [None if each is None else each.shape for each in found]
        return found


def test_zeros_for_the_error_of_a_graph_that_was_not_kept_are_found() -> None:
    assert failing(outcomes(on(Zeros))) == {"second backward"}


def test_a_backward_that_refuses_to_be_differentiated_is_honest() -> None:
    class Once(Plain):
        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *grads: Any) -> Any:
            x, w = ctx.saved_tensors
            return gradients(ctx, x, w, grads[0])

    found = outcomes(on(Once))
    assert failing(found) == set()
    assert "cannot be differentiated, and says so" in remarks(found)["double backward"]


class Wrapped(torch.autograd.Function):
    """The kernel of `reference/`, which knows no torch, with its operands kept as torch asks."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        ctx.save_for_backward(x, w, b)
        ctx.params = params
        return torch.from_numpy(Wrapped.run(x, w, b, params)[0])

    @staticmethod
    def run(x: Any, w: Any, b: Any, params: Any) -> Any:
        arrays: Any = [None if each is None else each.detach().numpy() for each in (x, w, b)]
        names = ("stride", "padding", "dilation", "groups")
        return conv.forward(*arrays, **dict(zip(names, params, strict=True)))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, w, b = ctx.saved_tensors
        _, residuals = Wrapped.run(x, w, b, ctx.params)
        bars = conv.vjp(residuals, grads[0].detach().numpy())
        needs = ctx.needs_input_grad
        found = [
            torch.from_numpy(np.array(bar)) if need else None
            for bar, need in zip(bars, needs, strict=False)
        ]
        return (*found, None, None, None, None)


class Columns(Plain):
    """What it keeps is the matrix of all windows, as `unfold` makes it."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any, *params: Any) -> Any:
        y = Plain.forward(ctx, x, w, b, *params)
        ctx.columns = x.repeat(1, 8, 1)
        return y


def test_a_function_that_keeps_far_more_than_torch_is_told_so() -> None:
    found = outcomes(on(Columns), CASES[:1])
    assert failing(found) == set()
    assert (
        "times the memory that torch's own operation keeps is kept"
        in (remarks(found)["saved tensors"])
    )
    assert "saved tensors" not in remarks(outcomes(on(Plain), CASES[:1]))


def test_a_backward_that_the_engine_refuses_is_no_matter_of_these_rows() -> None:
    class Everywhere(Plain):
        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            x, w = ctx.saved_tensors
            # For an absent bias, too, which the engine alone remarks on.
            return (*gradients(ctx, x, w, grads[0])[:2], grads[0].sum((0, 2)), *(None,) * 4)

    case = parse_case("conv1d n2ic2iw9oc3kw3sw2pw1bias0 f64 small c-order seed=1")
    found = outcomes(on(Everywhere), [case])
    assert failing(found) == set()
    assert set(remarks(found)) <= {"forward mode", "vmap"}


def test_kernels_that_know_no_torch_have_remarks_and_no_defect() -> None:
    found = outcomes(on(Wrapped))
    assert failing(found) == set()
    assert set(remarks(found)) >= {"double backward", "forward mode", "vmap"}


@pytest.mark.parametrize("in_process", [True, False])
def test_remarks_stand_below_the_table_and_leave_the_verdict(in_process: bool) -> None:  # noqa: FBT001 - pytest hands it over
    report = bpcheck.check(on(Plain), count=60, in_process=in_process)
    assert report.verdict is Verdict.AGREES
    assert report.judgements == ()
    text = " ".join(report_text(report, width=400).split())
    assert "forward mode: there is none: NotImplementedError" in text
    assert any(each.startswith("forward mode: there is none") for each in report.remarks)


def test_an_operator_that_its_fake_kernel_does_not_describe_is_found() -> None:
    subject = on(named("another shape than described"))
    found = outcomes(subject, CASES[1:])
    assert "operator fake tensor" in failing(found)
    assert failing(found) <= {"operator fake tensor", "operator AOT dispatch"}
    (message,) = {
        each.finding.message
        for each in found
        if each.finding and each.check == "operator fake tensor"
    }
    assert "describes another result: Shapes torch.Size([2, 3, 8]) and" in message


def test_a_right_operator_passes_every_test_of_torch() -> None:
    subject = on(registered("fine", kernel=right, fake=right))
    found = outcomes(subject, CASES[1:])
    assert failing(found) == set()
    assert {each.check for each in found if each.status is Status.PASSED} >= set(TESTS)


#: Rows mended for violations by somebody who had not read them.
MENDED = {
    "thaws": "needs grad",
    "writes_grad": "needs grad",
    "keeps_output": "saved tensors",
    "vmap_axis": "vmap",
}


@pytest.mark.parametrize("name", MENDED)
def test_what_a_stranger_broke_is_found_and_the_right_twin_passes(name: str) -> None:
    (stranger,) = (each for each in STRANGERS if each.name == name)
    case = {
        "conv1d": "conv1d n2ic2iw9oc3kw3sw2pw1 f64 small c-order seed=1",
        "max_pool1d": "max_pool1d n2ic2iw9kw3sw2 f64 small c-order seed=1",
        "avg_pool1d": "avg_pool1d n2ic2iw2kw2 f64 small c-order seed=1",
    }[stranger.operation]
    assert failing(outcomes(stranger.broken(), [parse_case(case)])) == {MENDED[name]}
    assert failing(outcomes(stranger.kept(), [parse_case(case)])) == set()


def test_a_backward_that_needs_the_thread_of_its_forward_is_told_so() -> None:
    (stranger,) = (each for each in STRANGERS if each.name == "one_thread")
    case = [parse_case("avg_pool1d n2ic2iw9kw3sw2 f64 small c-order seed=1")]
    found = outcomes(stranger.broken(), case)
    assert failing(found) == set()
    assert "in another thread" in remarks(found)["second backward"]
    assert "second backward" not in remarks(outcomes(stranger.kept(), case))


def test_functions_are_no_operators() -> None:
    found = outcomes(on(functional.conv1d), CASES[1:])
    assert not {each.check for each in found if each.status is Status.PASSED} & set(TESTS)


def test_a_schema_that_hides_a_change_is_found() -> None:
    def kernel(x: Any, w: Any, b: Any, *params: Any) -> Any:
        y = right(x, w, b, *params)
        b.add_(1)
        return y

    found = outcomes(on(registered("hides", kernel=kernel, fake=right)), CASES[1:])
    assert "operator schema" in failing(found)


def test_pytest_has_no_items_for_what_no_code_of_that_kind_is_asked() -> None:
    arrays = Subject(conv.forward, conv.vjp, operation="conv1d")
    assert not set(names_for(arrays)) & {*ROWS, *TESTS}
    assert set(ROWS) <= set(names_for(on(Plain)))
    assert not set(names_for(on(Plain))) & set(TESTS)
    assert set(TESTS) <= set(names_for(on(named("another shape than described"))))
