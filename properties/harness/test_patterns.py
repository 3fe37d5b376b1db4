"""The pattern of wrong cells is told where no known mistake makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpcheck.arithmetic import Array
from bpcheck.cases import parse_case
from bpcheck.explain.pattern import pattern_of
from bpcheck.explain.right import right_kernel
from bpcheck.subject import Subject
from reference import avg_pool

#: Of each kind of which a pattern may need several: samples, channels, groups, strides.
CASES = [
    parse_case(f"conv2d g2n3ic4ih7iw7oc4kh3kw3sh2sw2ph1pw1 f64 exact seed={seed}")
    for seed in range(4)
]


def spoiled(result: str, spoil: Callable[[Array], Array]) -> Subject:
    right = right_kernel("conv2d")
    place = ["x_bar", "w_bar", "b_bar"].index(result)

    def vjp(residuals: Any, y_bar: Array) -> tuple[Any, ...]:
        bars = list(right.vjp(residuals, y_bar))
        bars[place] = spoil(bars[place])
        return tuple(bars)

    return Subject(right.forward, vjp, operation="conv2d")


def only(*where: Any) -> Callable[[Array], Array]:
    def spoil(bar: Array) -> Array:
        bar = bar.copy()
        bar[where] += 1 + np.arange(bar[where].size).reshape(bar[where].shape) % 3
        return bar

    return spoil


def border(bar: Array) -> Array:
    wrong = bar + 1
    wrong[..., 1:-1, 1:-1] = bar[..., 1:-1, 1:-1]
    return wrong


def shifted(bar: Array) -> Array:
    moved = np.zeros_like(bar)
    moved[..., 1:, :] = bar[..., :-1, :]
    return moved


@pytest.mark.parametrize(
    ("result", "spoil", "told"),
    [
        ("x_bar", np.zeros_like, "everything is 0"),
        ("x_bar", lambda bar: bar / 3, "divided by the number of samples"),
        ("b_bar", lambda bar: bar * 3, "multiplied by the number of samples"),
        ("w_bar", lambda bar: bar.swapaxes(-1, -2).copy(), "transposed"),
        ("x_bar", shifted, "shifted by (1, 0)"),
        ("x_bar", lambda bar: bar[:, [1, 0, 2, 3]], "the right channels, in another order"),
        ("x_bar", lambda bar: bar[[2, 0, 1]], "the right samples, in another order"),
        ("x_bar", only(slice(None), 1), "one channel alone"),
        ("x_bar", only(slice(None), slice(2, None)), "one group of channels alone"),
        ("w_bar", only(slice(0, 2)), "one group of channels alone"),
        ("x_bar", only(1), "one sample alone"),
        ("x_bar", border, "the border alone"),
        ("x_bar", only(..., slice(1, None, 2), slice(1, None, 2)), "one phase of the stride"),
    ],
)
def test_wrong_cells_of_no_known_mistake_are_told_by_their_pattern(
    result: str, spoil: Callable[[Array], Array], told: str
) -> None:
    assert told in pattern_of(spoiled(result, spoil), CASES, result=result)


def test_what_is_wrong_here_and_there_has_no_pattern() -> None:
    rng = np.random.default_rng(0)
    subject = spoiled("x_bar", lambda bar: bar + 5 * (rng.random(bar.shape) < 0.4))
    assert pattern_of(subject, CASES, result="x_bar") == ""


def test_one_channel_is_not_told_where_there_is_one() -> None:
    cases = [parse_case(f"conv2d n2ic1ih5iw5oc1kh3kw3 f64 exact seed={n}") for n in range(4)]
    subject = spoiled("x_bar", lambda bar: bar + 1)
    assert pattern_of(subject, cases, result="x_bar").startswith("every cell")


def test_channels_last_are_told_where_the_lengths_of_the_axes_fit() -> None:
    cases = [parse_case(f"conv2d n2ic3ih3iw3oc1kh{k}kw2 f64 exact seed={k}") for k in (1, 2, 3)]
    subject = spoiled("x_bar", lambda bar: np.moveaxis(bar, 1, -1).copy())
    assert "(NHWC?)" in pattern_of(subject, cases, result="x_bar")


def test_an_array_that_is_wrong_in_its_type_alone_has_no_wrong_cells() -> None:
    def masked(*operands: Any, **params: Any) -> Any:
        y, residuals = avg_pool.forward(*operands, **params)
        return np.ma.masked_invalid(y), residuals

    subject = Subject(masked, avg_pool.vjp, operation="avg_pool1d")
    cases = [parse_case(f"avg_pool1d n2ic2iw{w}kw2 f64 exact seed={w}") for w in (4, 5, 6, 7)]
    assert pattern_of(subject, cases, result="y") == ""
