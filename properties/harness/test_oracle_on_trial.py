"""PyTorch is a fallible oracle: a defect planted in torch is charged to torch, with a program."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from bpcheck import Subject, Verdict, parse_case
from bpcheck.operations import operation_named
from bpcheck.runner import check_subject
from bpcheck.runner.one import judge
from reference import conv

SUBJECT = Subject(forward=conv.forward, vjp=conv.vjp, operation="conv2d", dtypes=conv.DTYPES)
CASES = [
    parse_case(f"conv2d n2ic2ih{size}iw4oc3kh2kw2 {dtype} exact c-order seed={8 * size}")
    for size in (3, 4, 5)
    for dtype in ("f64", "f32")
]


class Halved(torch.autograd.Function):
    """The identity with a wrong gradient."""

    @staticmethod
    def forward(_ctx: Any, w: torch.Tensor) -> torch.Tensor:
        return w.clone()

    @staticmethod
    def backward(_ctx: Any, *cotangents: torch.Tensor) -> torch.Tensor:
        return cotangents[0] * 0


def plant(monkeypatch: pytest.MonkeyPatch, *, only_without_onednn: bool) -> None:
    """Make torch's gradient of ``w`` wrong, on every path or on one."""
    operation = operation_named("conv2d")
    right = operation.torch_forward

    def wrong(operands: Mapping[str, Any], params: dict[str, Any]) -> Any:
        if only_without_onednn and torch._C._get_mkldnn_enabled():
            return right(operands, params)
        return right({**operands, "w": Halved.apply(operands["w"])}, params)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(operation, "torch_forward", wrong)


def test_a_wrong_gradient_of_torch_is_charged_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, only_without_onednn=False)
    report = check_subject(SUBJECT, cases=CASES)
    assert report.verdict is Verdict.ORACLE_WRONG
    assert report.agrees
    assert {judgement.result for judgement in report.judgements} == {"w_bar"}


def test_a_path_of_torch_that_differs_from_the_others_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch, only_without_onednn=True)
    report = check_subject(SUBJECT, cases=CASES)
    assert report.verdict is Verdict.ORACLE_WRONG
    assert "without oneDNN" in report.judgements[0].because


def test_the_reproduction_runs_and_needs_torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, only_without_onednn=False)
    (judgement,) = check_subject(SUBJECT, cases=CASES).judgements
    monkeypatch.undo()
    assert "bpcheck" not in judgement.reproduction
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(judgement.reproduction, {})  # noqa: S102 - it is a program, and this is its test
    # The defect was planted, so torch alone gives what the program says it should give.
    said = judgement.reproduction.rpartition("it should be ")[2]
    expected = torch.tensor(eval(said), dtype=torch.float64)  # noqa: S307 - a list of numbers
    shown = eval(printed.getvalue().strip(), {"tensor": torch.tensor, "torch": torch})  # noqa: S307
    assert torch.equal(shown, expected)


def test_right_paths_of_torch_raise_no_alarm() -> None:
    for case in CASES:
        assert judge(SUBJECT, case).rulings == ()
