"""An operator behind a function of one's own is asked what an operator is asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks.contract_material.operators import registered, right
from bpcheck import adapters, parse_case
from bpcheck.adapters.torch_operators import operator_in
from bpcheck.checks import names_for
from bpcheck.checks.tensors.operator import TESTS
from bpcheck.finding import Outcome, Status
from bpcheck.runner.one import judge

CASE = parse_case("conv1d n2ic2iw7oc3kw2sw1pw1 f32 exact c-order seed=2")


def too_short(x: Any, w: Any, b: Any, *params: Any) -> Any:
    return right(x, w, b, *params)[..., :-1]


FINE = registered("wrapped", kernel=right, fake=right)
WRONG = registered("wrapped_wrong", kernel=right, fake=too_short)


def wrapped(x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    return FINE(x, w, b, stride, padding, dilation, groups)


def in_its_namespace(
    x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    return torch.ops.contract.wrapped_wrong(x, w, b, stride, padding, dilation, groups)


def through_another(
    x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    return in_its_namespace(x, w, b, stride, padding, dilation, groups)


class Layer(torch.nn.Module):
    def __init__(self, weight: Any, bias: Any, stride: Any, padding: Any) -> None:
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(weight), torch.nn.Parameter(bias)
        self.stride, self.padding = stride, padding

    def forward(self, x: Any) -> Any:
        return WRONG(x, self.weight, self.bias, self.stride, self.padding, (1,), 1)


def outcomes(function: Any) -> tuple[Outcome, ...]:
    return judge(adapters.torch(function, operation="conv1d"), CASE).outcomes


def with_status(function: Any, status: Status) -> set[str]:
    return {each.check for each in outcomes(function) if each.status is status} & set(TESTS)


@pytest.mark.parametrize("function", [in_its_namespace, through_another])
def test_a_wrong_description_behind_a_function_is_found(function: Any) -> None:
    assert "operator fake tensor" in with_status(function, Status.FAILED)


def test_a_right_operator_behind_a_function_passes_every_test_of_torch() -> None:
    assert with_status(wrapped, Status.PASSED) == set(TESTS)


def test_the_forward_of_a_module_is_looked_into() -> None:
    assert operator_in(Layer) is WRONG
    assert set(TESTS) <= set(names_for(adapters.torch(Layer, operation="conv1d")))


def test_torchs_own_operators_and_functions_without_one_are_not_asked() -> None:
    def convolved(x: Any, w: Any, b: Any, stride: Any, padding: Any) -> Any:
        return torch.ops.aten.conv1d(x, w, b, stride, padding)

    assert operator_in(convolved) is None
    assert operator_in(torch.nn.functional.conv1d) is None
    assert operator_in(torch.nn.Conv1d) is None
    assert not set(TESTS) & set(names_for(adapters.torch(convolved, operation="conv1d")))
