"""Rows of scores that are masked by minus infinity, or of which a part is far above the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.filling import fill

#: Cases of a run of seed 0 among which several rows are long, masked or steep.
SOME = 40


class Softmax:
    """A softmax whose sum is made at once."""

    def forward(self, x: Any, *, dim: int = -1) -> Any:
        weights = np.exp(x - x.max(-1, keepdims=True))
        y = weights / weights.sum(-1, keepdims=True)
        return y, y

    def vjp(self, y: Any, y_bar: Any) -> Any:
        return (y * (y_bar - (y * y_bar).sum(-1, keepdims=True)),)


class InBlocks(Softmax):
    """One that goes through blocks of 64, and scales its sum anew for each."""

    def forward(self, x: Any, *, dim: int = -1) -> Any:
        largest = np.full_like(x[..., :1], -np.inf)
        total = np.zeros_like(largest)
        with np.errstate(invalid="ignore"):
            for begin in range(0, x.shape[-1], 64):
                block = x[..., begin : begin + 64]
                before, largest = largest, np.maximum(largest, block.max(-1, keepdims=True))
                level = self.level(largest)
                total *= np.exp(before - level)
                total += np.exp(block - level).sum(-1, keepdims=True)
            y = np.exp(x - largest) / total
        return y, y

    def level(self, largest: Any) -> Any:
        return np.where(np.isinf(largest), 0, largest)


class WithoutGuard(InBlocks):
    """Of a block that is masked throughout, it takes minus infinity from minus infinity."""

    def level(self, largest: Any) -> Any:
        return largest


class OfTheFirst(Softmax):
    """The maximum is that of the first 256 numbers."""

    def forward(self, x: Any, *, dim: int = -1) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.exp(x - x[..., :256].max(-1, keepdims=True))
            y = weights / weights.sum(-1, keepdims=True)
        return y, y


def report_on(kernel: Any) -> bpcheck.Report:
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation="softmax")
    return bpcheck.check(subject, profile="quick", count=SOME)


@pytest.mark.parametrize("kernel", [Softmax(), InBlocks()])
def test_a_right_softmax_takes_masked_rows(kernel: Any) -> None:
    report = report_on(kernel)
    assert report.agrees, report.judgements


@pytest.mark.parametrize("kernel", [WithoutGuard(), OfTheFirst()])
def test_a_softmax_that_is_wrong_for_a_part_of_a_row_is_found(kernel: Any) -> None:
    assert not report_on(kernel).agrees


def test_who_claims_no_nan_is_not_asked_for_masked_rows() -> None:
    kernel = WithoutGuard()
    subject = bpcheck.Subject(kernel.forward, kernel.vjp, operation="softmax", nan=False)
    case = parse_case("softmax c=690 batch=2 dim=-1 f32 masked c-order seed=31")
    assert bpcheck.check(subject, cases=[case]).exit_code == 3


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", ["f64", "f32", "bf16"])
def test_torchs_own_agree_on_masked_rows(name: str, dtype: str) -> None:
    import torch

    kernel = bpcheck.adapters.torch(
        getattr(torch.nn.functional, name),
        operation=name,
        dtypes=("float64", "float32", "bfloat16"),
    )
    cases = [
        parse_case(f"{name} c={c} batch=2,3 dim=-1 {dtype} masked c-order seed={seed}")
        for c in (1, 2, 5, 70, 200)
        for seed in range(4)
    ]
    assert bpcheck.check(kernel, cases=cases).agrees


def test_a_masked_row_has_a_number_and_a_long_one_begins_or_ends_with_those_that_are_not() -> None:
    for c in (1, 3, 64, 65, 300):
        for seed in range(20):
            case = parse_case(f"softmax c={c} batch=3 dim=-1 f32 masked c-order seed={seed}")
            kept = np.isfinite(fill(case).operands["x"])
            assert kept.any(-1).all()
            if c > 64:
                assert (np.diff(kept.astype(int), axis=-1) != 0).sum(-1).max() <= 1
