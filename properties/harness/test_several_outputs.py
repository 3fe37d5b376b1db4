"""Operations with several outputs: a tuple of cotangents, and every element by its own name."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import bpcheck
from bpcheck.cases import parse_case
from bpcheck.checks import Trial
from bpcheck.checks.allowed import absolute_sums
from bpcheck.errors import CaseError, OperationError
from bpcheck.explain.worked import worked_by_hand
from bpcheck.filling import fill
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from examples.declared_operation import SoftmaxAndTotal, softmax_and_total

HERE = __name__


@bpcheck.operation("x: n c, w: o c, v: o c")
def two(x: Any, w: Any, v: Any) -> Any:
    return functional.linear(x, w), functional.linear(x, v)


class Two:
    def forward(self, x: Any, w: Any, v: Any) -> Any:
        return (x @ w.T, x @ v.T), (x, w, v)

    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        x, w, v = residuals
        first, second = y_bar
        return first @ w + second @ v, first.T @ x, second.T @ x


class SecondIgnored(Two):
    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        return super().vjp(residuals, (y_bar[0], np.zeros_like(y_bar[1])))


class Exchanged(Two):
    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        return super().vjp(residuals, y_bar[::-1])


class LastShareAlone(Two):
    def vjp(self, residuals: Any, y_bar: Any) -> Any:
        _, w_bar, v_bar = super().vjp(residuals, y_bar)
        return y_bar[1] @ residuals[2], w_bar, v_bar


class TwoFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, v: Any) -> Any:
        ctx.save_for_backward(x, w, v)
        return x @ w.T, x @ v.T

    @staticmethod
    def backward(ctx: Any, *bars: Any) -> Any:
        return Two().vjp(ctx.saved_tensors, bars)


class SecondIgnoredFunction(TwoFunction):
    @staticmethod
    def backward(ctx: Any, *bars: Any) -> Any:
        return Two().vjp(ctx.saved_tensors, (bars[0], torch.zeros_like(bars[1])))


class WithoutZeros(TwoFunction):
    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, v: Any) -> Any:
        ctx.set_materialize_grads(False)
        return TwoFunction.forward(ctx, x, w, v)


def by_hand(kernel: type, operation: Any = two) -> bpcheck.Subject:
    made = kernel()
    return bpcheck.Subject(made.forward, made.vjp, operation=operation)


def by_torch(function: Any, operation: Any = two) -> bpcheck.Subject:
    return bpcheck.adapters.torch(function, operation=operation)


def wrong_in(subject: bpcheck.Subject, count: int = 40) -> dict[str, set[str]]:
    """The verdicts that are defects, by the result, of the first cases of a plan."""
    plan = Plan(subject.operation, profile=PROFILES["quick"], dtypes=["float64", "float32"])
    found: dict[str, set[str]] = {}
    for case in islice(plan, count):
        for ruling in judge(subject, case).rulings:
            if ruling.verdict.is_defect:
                found.setdefault(ruling.result, set()).add(str(ruling.verdict))
    return found


@pytest.mark.parametrize(
    "right",
    [
        by_hand(Two),
        by_torch(TwoFunction),
        by_torch(two.reference),
        by_hand(SoftmaxAndTotal, softmax_and_total),
        by_torch(softmax_and_total.reference, softmax_and_total),
    ],
    ids=["NumPy", "Function", "function", "smooth, NumPy", "smooth, function"],
)
def test_right_kernels_agree(right: bpcheck.Subject) -> None:
    assert not wrong_in(right, count=80)


@pytest.mark.parametrize(
    ("wrong", "results"),
    [
        (by_hand(SecondIgnored), {"x_bar", "v_bar"}),
        (by_hand(Exchanged), {"x_bar", "w_bar", "v_bar"}),
        (by_hand(LastShareAlone), {"x_bar"}),
        (by_torch(SecondIgnoredFunction), {"x_bar", "v_bar"}),
    ],
    ids=["second ignored", "exchanged", "last share alone", "second ignored by a Function"],
)
def test_a_cotangent_that_goes_astray_is_found(wrong: bpcheck.Subject, results: set[str]) -> None:
    assert wrong_in(wrong) == {result: {"backward wrong"} for result in results}


def test_a_wrong_output_is_told_by_its_name() -> None:
    class SecondDoubled(Two):
        def forward(self, x: Any, w: Any, v: Any) -> Any:
            (first, second), residuals = super().forward(x, w, v)
            return (first, 2 * second), residuals

    case = parse_case(f"{HERE}:two n=1 c=2 o=2 f64 small c-order seed=1")
    (ruling,) = [each for each in judge(by_hand(SecondDoubled), case).rulings if each.result == "y"]
    assert ruling.verdict == "forward wrong"
    finding = next(each for each in ruling.findings if each.index is not None)
    assert finding.message.startswith("y1[0,")
    assert finding.element.startswith("y1[0,")


def test_a_gradient_is_worked_by_the_outputs_that_it_moves() -> None:
    case = parse_case(f"{HERE}:two n=1 c=1 o=1 f64 small c-order seed=1 y_bar=0:0,0")
    lines = worked_by_hand(Trial(by_hand(LastShareAlone), case), "x_bar", (0, 0))
    assert [line.split(":")[0].strip() for line in lines[1:3]] == ["y0[0,0]", "y1[0,0]"]
    assert lines[-1].endswith("the share of y1[0,0] alone")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda y, r: (y[0], r), "return the outputs as a tuple: ((y0, y1), residuals)"),
        (lambda y, r: (*y, r), "return a tuple ((y0, y1), residuals)"),
        (lambda y, r: (list(y), r), "y is a list of length 2; return the outputs as a tuple"),
        (lambda y, r: ((y[0], y[1][0]), r), "y1 has shape (2,); expected an array of float64"),
        (lambda y, r: ((y[0], y[1].tolist()), r), "y1 is a list of length 1"),
        (lambda y, r: ((y[0], y[1].astype("f4")), r), "y1 is float32; expected an array of"),
    ],
)
def test_what_is_no_tuple_of_outputs_is_told(returned: Any, message: str) -> None:
    class Malformed(Two):
        def forward(self, x: Any, w: Any, v: Any) -> Any:
            return returned(*super().forward(x, w, v))

    case = parse_case(f"{HERE}:two n=1 c=2 o=2 f64 small c-order seed=1")
    told = [each.finding for each in judge(by_hand(Malformed), case).outcomes if each.finding]
    assert message in told[0].message
    assert (told[0].check, told[0].result) == ("contract", "y")


def test_outputs_that_share_memory_are_told() -> None:
    class Shared(Two):
        def forward(self, x: Any, w: Any, v: Any) -> Any:
            both = np.zeros((2, len(x), len(w)), x.dtype)
            both[0], both[1] = x @ w.T, x @ v.T
            both = both[0] if np.array_equal(w, v) else both
            return (both[0], both[0].reshape(both[0].shape)), (x, w, v)

    case = parse_case(f"{HERE}:two n=1 c=2 o=2 f64 small c-order seed=0")
    told = [each.finding for each in judge(by_hand(Shared), case).outcomes if each.finding]
    assert any("y1 lies in the memory of y0" in each.message for each in told)


def test_a_function_that_takes_no_none_is_found_where_an_output_is_unused() -> None:
    subject = by_torch(WithoutZeros)
    assert wrong_in(subject, count=24)["x_bar"] >= {"raises"}
    case = parse_case(f"{HERE}:two n=1 c=1 o=1 f64 small c-order seed=0 y_bar=0:0,0")
    told = [each.finding.message for each in judge(subject, case).outcomes if each.finding]
    assert any("y1 is not used here: leave set_materialize_grads as it is" in each for each in told)


@pytest.mark.parametrize("seed", range(8))
def test_every_fourth_case_leaves_an_output_unused_by_turns(seed: int) -> None:
    case = parse_case(f"{HERE}:two n=2 c=2 o=3 f64 exact c-order seed={seed}")
    halves = fill(case).y_bar.reshape(2, 6)
    assert [not half.any() for half in halves] == [seed == 0, seed == 4]


def test_a_one_hot_cotangent_names_its_output() -> None:
    text = f"{HERE}:two n=2 c=1 o=3 f64 small c-order seed=0 y_bar=1:1,2"
    case = parse_case(text)
    assert str(case) == text
    assert fill(case).y_bar.nonzero()[0].tolist() == [11]
    text = "examples.declared_operation:softmax_and_total c=3 batch=- f64 real c-order seed=0"
    total = parse_case(f"{text} y_bar=1:-")
    assert str(total) == f"{text} y_bar=1:-"
    with pytest.raises(CaseError, match=r"the outputs have the shapes \(3,\), \(\)"):
        parse_case(f"{text} y_bar=0:3")
    with pytest.raises(CaseError, match="a place in the second output"):
        parse_case(f"{text} y_bar=2")


@pytest.mark.parametrize("layout", ["negative", "strided", "read-only", "unaligned", "sliced"])
def test_each_cotangent_has_the_layout_of_the_case(layout: str) -> None:
    seen = []

    class Looks(Two):
        def vjp(self, residuals: Any, y_bar: Any) -> Any:
            seen.extend(y_bar)
            return super().vjp(residuals, y_bar)

    case = parse_case(f"{HERE}:two n=2 c=2 o=3 f64 exact y_bar:{layout} seed=1")
    assert not [each for each in judge(by_hand(Looks), case).rulings if each.verdict.is_defect]
    first = seen[0]
    assert first.shape == (2, 3)
    assert {
        "negative": first.strides == (-24, -8),
        "strided": first.strides == (48, 16),
        "read-only": not first.flags.writeable,
        "unaligned": not first.flags.aligned,
        "sliced": first.base is not None,
    }[layout]


def test_a_vjp_that_writes_into_a_cotangent_is_found() -> None:
    class Writes(Two):
        def vjp(self, residuals: Any, y_bar: Any) -> Any:
            found = super().vjp(residuals, y_bar)
            y_bar[1][...] = 0
            return found

    case = parse_case(f"{HERE}:two n=2 c=2 o=3 f64 exact c-order seed=1")
    told = [each.finding for each in judge(by_hand(Writes), case).outcomes if each.finding]
    assert any(each.kind == "changes its input" for each in told)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (lambda x: (x, x.argmax(-1)), "a torch.int64 among 2 outputs"),
        (lambda x: (x, None), "a NoneType among 2 outputs"),
        (lambda x: (), "no outputs"),
        (lambda x: x.shape[0], "a int"),
    ],
)
def test_what_has_no_gradient_is_no_output(returns: Any, said: str) -> None:
    refused = bpcheck.operation("x: n c", name="refused")(returns)
    with pytest.raises(OperationError, match=f"the reference returned {said}; a tensor of real"):
        refused.geometry({"n": 2, "c": 3})


def test_gradients_that_add_up_several_sums_have_room_for_all_of_them() -> None:
    subject = by_hand(Two)
    for seed in range(40):
        case = parse_case(f"{HERE}:two n=2 c=2 o=2 f32 wide c-order seed={seed}")
        assert absolute_sums(Trial(subject, case))["x_bar"].max() <= 2.0**24


def test_sums_that_share_an_operand_are_scaled_alike() -> None:
    for seed in range(40):
        case = parse_case(f"{HERE}:two n=2 c=3 o=2 f32 huge c-order seed={seed}")
        sizes = {name: np.abs(each).max() for name, each in fill(case).operands.items()}
        # Whole numbers of three digits: what is scaled is so by many orders more.
        assert max(sizes["w"], sizes["v"]) < 1e4 * min(sizes["w"], sizes["v"])


def test_torch_is_not_blamed_for_a_vjp_that_one_cotangent_hides() -> None:
    subject = by_torch(SecondIgnoredFunction)
    for seed in range(0, 40, 4):
        case = parse_case(f"{HERE}:two n=1 c=1 o=1 f64 exact c-order seed={seed} y_bar=0:0,0")
        kinds = {str(each.finding.kind) for each in judge(subject, case).outcomes if each.finding}
        assert "the oracle is wrong" not in kinds


def test_a_scalar_of_numpy_is_an_array_without_axes() -> None:
    @bpcheck.operation("x: n c")
    def mean(x: Any) -> Any:
        return x.square().mean()

    right = bpcheck.Subject(
        lambda x: ((x * x).mean(), x), lambda x, g: (x * g * x.dtype.type(2 / x.size),), mean
    )
    assert not wrong_in(right)
    boxed = bpcheck.Subject(lambda x: (float((x * x).mean()), x), right.vjp, mean)
    assert wrong_in(boxed, count=4)["y"] == {"contract broken"}
