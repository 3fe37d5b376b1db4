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


def by_loop(least: float) -> Any:
    """Who begins there and asks ``value > best``: windows with nothing above it have no winner."""

    def forward(x: Array, *, kernel_size: Any, stride: Any) -> Any:
        windows = sliding_window_view(x, kernel_size[0], axis=-1)[..., :: stride[0], :]
        best, winners = np.full(windows.shape[:-1], least), np.full(windows.shape[:-1], -1)
        for j in range(kernel_size[0]):
            wins = windows[..., j] > best
            best[wins], winners[wins] = windows[..., j][wins], j
        return best.astype(x.dtype), (x.shape, winners, stride[0])

    return forward


def to_winners(residuals: Any, y_bar: Array) -> Any:
    shape, winners, stride = residuals
    x_bar = np.zeros(shape, y_bar.dtype)
    n, c, i = np.nonzero(winners >= 0)
    np.add.at(x_bar, (n, c, i * stride + winners[n, c, i]), y_bar[n, c, i])
    return (x_bar,)


def amax(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    windows = sliding_window_view(x, kernel_size[0], axis=-1)[..., :: stride[0], :]
    return windows.max(axis=-1), (x, windows, stride[0])


def divided(residuals: Any, y_bar: Array) -> Any:
    """As the backward of ``torch.amax``: 0 / 0 in windows with NaN."""
    x, windows, stride = residuals
    wins = windows == windows.max(axis=-1, keepdims=True)
    shares = wins * y_bar[..., None] / wins.sum(axis=-1, keepdims=True)
    x_bar = np.zeros(x.shape, y_bar.dtype)
    for j in range(windows.shape[-1]):
        x_bar[..., j : j + stride * y_bar.shape[-1] : stride] += shares[..., j]
    return (x_bar,)


def compiled(x: Array, *, kernel_size: Any, stride: Any) -> Any:
    """As XLA's maximum on some CPUs: a window of nothing but NaN is -inf."""
    y, residuals = amax(x, kernel_size=kernel_size, stride=stride)
    return np.where(np.isnan(residuals[1]).all(axis=-1), -np.inf, y).astype(x.dtype), residuals


def raises(residuals: Any, y_bar: Array) -> Any:
    raise RuntimeError("not there yet")


def kinds_of(forward: Any, vjp: Any, *, result: str | None = None, claims: Any = None) -> set[Kind]:
    subject = Subject(forward, vjp, "max_pool1d", **(claims or {}))
    found = set()
    for text in ("n1ic3iw6kw3", "n2ic2iw7kw1", "n2ic2iw9kw2sw2"):
        for seed in range(24):
            trial = Trial(subject, parse_case(f"max_pool1d {text} f64 special seed={seed}"))
            for each in check_autograd(trial, name=SPECIAL):
                if each.finding and result in (None, each.result):
                    found.add(each.finding.kind)
    return found


def test_a_window_of_nothing_above_minus_infinity_may_lose_its_cotangent_but_not_its_maximum() -> (
    None
):
    assert kinds_of(by_loop(-np.inf), to_winners) == {Kind.CONVENTION, Kind.NAN_ELSEWHERE}
    assert Kind.VALUE in kinds_of(by_loop(np.finfo(np.float64).min), to_winners)
    held = kinds_of(by_loop(-np.inf), to_winners, claims={"torch_ties": True})
    assert held == {Kind.VALUE}


def test_nan_in_the_cells_of_a_window_with_nan_is_a_convention_and_nowhere_else() -> None:
    def everywhere(residuals: Any, y_bar: Array) -> Any:
        (x_bar,) = divided(residuals, y_bar)
        return (np.full_like(x_bar, np.nan) if np.isnan(x_bar).any() else x_bar,)

    for forward in (amax, compiled):
        assert kinds_of(forward, divided) == {Kind.CONVENTION, Kind.NAN_ELSEWHERE}
    assert Kind.VALUE in kinds_of(amax, everywhere)


def test_what_a_forward_makes_of_nan_is_a_convention_where_the_vjp_raises_too() -> None:
    assert kinds_of(by_loop(-np.inf), raises, result="y") == {Kind.NAN_ELSEWHERE}


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
