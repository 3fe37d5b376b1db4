"""Several NaN in a window are a tie: any of them may get the cotangent, or each a share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from bpcheck import Subject, parse_case
from bpcheck.arithmetic import FORMATS, Array
from bpcheck.checks.autograd import SPECIAL, check_autograd
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind
from bpcheck.operations.windowed.nan_windows import are_shares, read_by
from bpcheck.operations.windowed.subgradients import is_subgradient
from bpcheck.operations.windowed.window import Window
from reference import max_pool

NAN = float("nan")


def judged(x: list[float], x_bar: list[float], *, y_bar: list[float], window: Window) -> bool:
    image: Array = np.array([[x]])
    p = window.p
    padded = np.pad(image, ((0, 0), (0, 0), (p, p)), constant_values=-np.inf)
    y = sliding_window_view(padded, window.k, axis=2)[..., :: window.s, :].max(axis=-1)
    return is_subgradient(
        (window,), image, y, np.array([[y_bar]]), np.array([[x_bar]]), slack=1e-12
    )


@pytest.mark.parametrize("x_bar", [[0.0, 6.0, 0.0], [0.0, 0.0, 6.0], [0.0, 2.0, 4.0]])
def test_any_nan_of_a_window_may_win(x_bar: list[float]) -> None:
    assert judged([1.0, NAN, NAN], x_bar, y_bar=[6.0], window=Window(i=3, k=3))


@pytest.mark.parametrize(
    "x_bar",
    [[6.0, 0.0, 0.0], [0.0, 6.0, 6.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0], [0.0, 8.0, -2.0]],
    ids=["a number", "all of it twice", "half of it", "nothing", "more than all"],
)
def test_a_number_beside_nan_may_not_win_and_nothing_gets_lost(x_bar: list[float]) -> None:
    assert not judged([1.0, NAN, NAN], x_bar, y_bar=[6.0], window=Window(i=3, k=3))


def test_a_single_nan_takes_all_and_padding_nothing() -> None:
    window = Window(i=2, k=2, p=1)
    windows: Any = {"y_bar": [1.0, 2.0, 4.0], "window": window}
    assert judged([NAN, 5.0], [3.0, 4.0], **windows)
    assert not judged([NAN, 5.0], [2.0, 5.0], **windows)
    assert not judged([NAN, 5.0], [2.0, 4.0], **windows)


@pytest.mark.parametrize(
    ("x", "x_bar", "is_right"),
    [
        ([5.0, 5.0, 0.0, NAN], [2.0, 0.0, 4.0, 0.0], True),
        ([5.0, 5.0, 0.0, NAN], [1.0, 1.0, 0.0, 0.0], True),
        ([5.0, 5.0, 0.0, NAN], [2.0, 2.0, 0.0, 4.0], False),
        ([5.0, 5.0, 0.0, NAN], [0.0, 0.0, 0.0, 4.0], False),
        ([5.0, 5.0, 0.0, 3.0], [2.0, 0.0, 0.0, 4.0], False),
    ],
    ids=["to a number", "to nobody", "equals twice", "equals forgotten", "no NaN at all"],
)
def test_only_windows_with_nan_may_lose_or_move_their_cotangent(
    x: list[float], x_bar: list[float], *, is_right: bool
) -> None:
    read = read_by((Window(i=4, k=2, s=2),), np.array([[x]]))
    given = np.array([[[2.0, 4.0]]]), np.array([[x_bar]])
    assert are_shares(read, *given, slack=1e-12, floor=0.0) == is_right


def test_a_first_nan_that_wins_is_told_as_nan_and_not_as_a_tie_of_numbers() -> None:
    def forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
        windows = sliding_window_view(x, kernel_size[0], axis=-1)[..., :: stride[0], :]
        return windows.max(axis=-1), (x.shape, windows.argmax(axis=-1), stride[0])

    def vjp(residuals: Any, y_bar: Array) -> Any:
        shape, winners, stride = residuals
        x_bar = np.zeros(shape, y_bar.dtype)
        n, c, i = np.indices(y_bar.shape)
        np.add.at(x_bar, (n, c, i * stride + winners), y_bar)
        return (x_bar,)

    subject = Subject(forward, vjp, "max_pool1d")
    kinds = set()
    for seed in range(12):
        trial = Trial(subject, parse_case(f"max_pool1d n1ic3iw6kw3 f64 special seed={seed}"))
        for outcome in check_autograd(trial, name=SPECIAL):
            kinds |= {outcome.finding.kind} if outcome.finding else set()
    assert kinds == {Kind.NAN_ELSEWHERE}


@pytest.mark.parametrize("text", ["n1ic1ih1iw1kh1kw2pw1", "n2ic2ih5iw5kh3kw3sh2sw2ph1pw1"])
def test_padding_may_win_over_nothing_but_itself(text: str) -> None:
    """Where a window holds nothing above -inf, its padding is an equal, and may take the share."""
    case = parse_case(f"max_pool2d {text} f64 special c-order seed=0")
    x = np.full(case.operation.operand_shapes(case.geometry)["x"], -np.inf)
    y_bar = np.ones(case.shapes["y"])

    def is_valid(x: Array, x_bar: Array) -> bool:
        y, _ = max_pool.forward(x, **case.params)
        return case.operation.is_valid_subgradient(
            case.geometry, {"x": x}, y_bar, {"y": y, "x_bar": x_bar}, FORMATS["float64"]
        )

    assert is_valid(x, np.zeros_like(x))
    x[..., 0, 0] = 1.0
    assert not is_valid(x, np.zeros_like(x))
