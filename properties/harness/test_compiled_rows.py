"""Functions on tensors through `torch.compile`: what differs there, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import settings
from torch.nn import functional

from bpcheck import Subject, adapters
from bpcheck.cases import parse_case
from bpcheck.checks import CHECKS, Trial, names_for
from bpcheck.checks.tensors import compiled
from bpcheck.finding import Kind, Outcome, Status
from bpcheck.runner.one import judge
from reference import avg_pool

CASE = parse_case("avg_pool1d n2ic2iw6kw2sw2 f32 small seed=1")


def asked(function: Any) -> tuple[Outcome, ...]:
    subject = adapters.torch(function, operation="avg_pool1d")
    trial = Trial(subject.claiming(compiled=True), CASE)
    return CHECKS[compiled.NAME].run(trial)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced and run as it was traced, without kernels."""
    monkeypatch.setattr(compiled, "_backend", lambda: ("eager", ""))


class Halved(torch.autograd.Function):
    """A backward with a path of its own where it is compiled: windows of two, in reverse."""

    @staticmethod
    def forward(ctx: Any, input: Any, kernel_size: Any, stride: Any) -> Any:  # noqa: A002, ARG004 - torch's
        return functional.avg_pool1d(input, kernel_size, stride)

    @staticmethod
    def backward(ctx: Any, y_bar: Any) -> Any:  # noqa: ARG004 - torch's signature
        x_bar = y_bar.repeat_interleave(2, -1) / 2
        if torch.compiler.is_compiling():
            x_bar = x_bar.flip(-1)
        return x_bar, None, None


def pooled(input: Any, kernel_size: Any, stride: Any) -> Any:  # noqa: A002 - torch's name
    return functional.avg_pool1d(input, kernel_size, stride)


def refusing(input: Any, kernel_size: Any, stride: Any) -> Any:  # noqa: A002 - torch's name
    if torch.compiler.is_compiling():
        kernel_size = (5_000,)
    return pooled(input, kernel_size, stride)


def in_parts(input: Any, kernel_size: Any, stride: Any) -> Any:  # noqa: A002 - torch's name
    torch._dynamo.graph_break()
    return pooled(input, kernel_size, stride)


@pytest.mark.usefixtures("quick")
def test_a_path_of_compiled_code_that_is_wrong_is_found_by_that_row_alone() -> None:
    found = [each.finding for each in asked(Halved) if each.finding is not None]
    assert [(each.kind, each.result) for each in found] == [(Kind.COMPILED, "x_bar")]
    subject = adapters.torch(Halved, operation="avg_pool1d")
    others = [each for each in judge(subject, CASE).outcomes if each.status is Status.FAILED]
    assert {each.check for each in others} == set()


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_compiled_lacks_what_it_claims() -> None:
    (finding,) = (each.finding for each in asked(refusing) if each.finding is not None)
    assert finding.kind is Kind.LACKS
    assert finding.message.startswith(
        "it fails compiled: TorchRuntimeError: RuntimeError when making"
    )


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("function", [pooled, in_parts])
def test_right_functions_pass_in_one_graph_or_several(function: Any) -> None:
    assert {each.status for each in asked(function)} == {Status.PASSED}


@pytest.mark.usefixtures("quick")
def test_what_torch_errs_in_is_not_held_against_a_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled, "_errs_for_torch", lambda *given: True)
    found = asked(Halved)
    assert {each.status for each in found} == {Status.PASSED}
    assert "torch's own operation has other numbers too" in found[0].remark


def test_without_a_compiler_it_is_said_what_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    backend, remark = compiled._backend()
    assert backend == "aot_eager"
    assert "there is no C++ compiler" in remark


def test_code_on_arrays_is_told_that_nothing_was_compiled() -> None:
    subject = Subject(avg_pool.forward, avg_pool.vjp, operation="avg_pool1d", compiled=True)
    found = [each for each in judge(subject, CASE).outcomes if each.check == compiled.NAME]
    assert {each.status for each in found} == {Status.NOT_APPLICABLE}
    assert "takes functions on tensors" in found[0].remark


def test_nothing_is_compiled_where_nobody_claims_it() -> None:
    subject = adapters.torch(pooled, operation="avg_pool1d")
    assert compiled.NAME not in names_for(subject)
    found = [each for each in judge(subject, CASE).outcomes if each.check == compiled.NAME]
    assert not found
    # Nor by who asks for it by name.
    asked = judge(subject, CASE, checks=[compiled.NAME]).outcomes
    assert {each.note for each in asked} == {"not claimed"}


@pytest.mark.skipif(
    settings().max_examples < 1_000, reason="seconds of compiling: HYPOTHESIS_PROFILE=thorough"
)
def test_kernels_of_inductor_have_torchs_numbers() -> None:
    assert compiled._backend() == ("inductor", "")
    assert {each.status for each in asked(functional.avg_pool1d)} == {Status.PASSED}
