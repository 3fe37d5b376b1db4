"""Several NaN in a window are a tie: any of them may get the cotangent, or each a share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from bpcheck.arithmetic import Array
from bpcheck.operations.windowed.subgradients import is_subgradient
from bpcheck.operations.windowed.window import Window

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
