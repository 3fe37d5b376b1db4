"""Code that knows no bias: its backward returns no gradient of one, and nothing is declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpcheck
from bpcheck.adapters.found import partner

CASES = [bpcheck.parse_case(f"conv1d n2ic3iw5oc2kw1bias0 f64 exact seed={s}") for s in range(4)]


def pointwise(x: Any, w: Any) -> Any:
    return np.einsum("nci,oc->noi", x, w[:, :, 0])


def pointwise_backward(dy: Any, x: Any, w: Any) -> Any:
    dw = np.einsum("noi,nci->oc", dy, x)
    return np.einsum("noi,oc->nci", dy, w[:, :, 0]), dw[:, :, None]


def wrong_backward(dy: Any, x: Any, w: Any) -> Any:
    dx, dw = pointwise_backward(dy, x, w)
    return dx, dw / len(x)


@pytest.mark.parametrize(
    ("backward", "defects"), [(pointwise_backward, []), (wrong_backward, ["w_bar"])]
)
def test_two_gradients_are_enough(backward: Any, defects: list[str]) -> None:
    subject = bpcheck.adapters.stateless(pointwise, backward, operation="conv1d")
    report = bpcheck.check(subject, cases=CASES)
    assert report.cases == len(CASES)
    assert [each.result for each in report.judgements if each.verdict.is_defect] == defects


def test_fw_and_bw_are_a_pair() -> None:
    assert partner("conv_fw", {"conv_fw": min, "conv_bw": max}) is max
