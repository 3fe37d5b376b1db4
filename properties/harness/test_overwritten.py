"""Loops that write with = where += is needed: one mistake, and no condition made up for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck import Subject
from bpcheck.runner import check_subject
from properties.harness.depth import deep
from reference import conv


def forward(x: Any, w: Any, b: Any, *, stride: Any, padding: Any) -> Any:
    params = {"stride": stride, "padding": padding, "dilation": (1, 1), "groups": 1}
    y, residuals = conv.forward(x, w, b, **params)
    return y, (x, w, stride, padding, residuals)


def vjp(residuals: Any, y_bar: Any) -> Any:
    x, w, (down, along), (top, left), right = residuals
    _, w_bar, b_bar = conv.vjp(right, y_bar)
    high, wide = w.shape[2:]
    padded = [(0, 0), (0, 0), (top, top), (left, left)]
    x_bar = np.pad(np.zeros_like(x), padded)
    for n, o, i, j in np.ndindex(y_bar.shape):
        rows, columns = slice(i * down, i * down + high), slice(j * along, j * along + wide)
        x_bar[n, :, rows, columns] = w[o] * y_bar[n, o, i, j]
    return x_bar[:, :, top : top + x.shape[2], left : left + x.shape[3]], w_bar, b_bar


def test_a_loop_that_overwrites_is_one_defect_whose_condition_is_not_made_up() -> None:
    report = check_subject(
        Subject(forward, vjp, operation="conv2d"),
        profile="quick",
        count=deep(60, 450),
        largest=deep(96, 256),
        repairs=False,
    )
    (judgement,) = (each for each in report.judgements if each.verdict.is_defect)
    assert judgement.result == "x_bar"
    assert "every window of every output channel overwrites x_bar" in judgement.looks_like
    # It shows where windows overlap, and where there are several output channels.
    assert "not" not in judgement.where
