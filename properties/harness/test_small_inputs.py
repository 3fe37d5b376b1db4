"""The small inputs of conventions, narrow sums and transforms: told rightly through every door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from properties.harness.doors import DOORS, Given
from properties.harness.targets import folder

__all__ = ["folder"]


@dataclass(frozen=True)
class Input:
    """A kernel with the cases that tell, what it is called, and what to claim for or against it."""

    kernel: Given
    says: tuple[str, ...]
    exit_code: int
    claims: Mapping[str, Any] = field(default_factory=dict)
    #: With what is claimed, in place of what is said without.
    then: tuple[str, ...] = ()
    then_exit: int = 0


NARROW = """
    import numpy as np
    from reference import conv

    DTYPES = ("bfloat16",)

    def forward(x, *others, **params):
        wide = (None if each is None else each.astype(np.float32) for each in (x, *others))
        y, residuals = conv.forward(*wide, **params)
        return y.astype(x.dtype), residuals

    def vjp(residuals, y_bar):
        bars = conv.vjp(residuals, y_bar.astype(np.float32))
        x_bar, w_bar, b_bar = (None if bar is None else bar.astype(y_bar.dtype) for bar in bars)
        if b_bar is not None:
            b_bar = np.zeros_like(b_bar)
            for term in np.moveaxis(y_bar, 1, -1).reshape(-1, len(b_bar)):
                b_bar += term
        return x_bar, w_bar, b_bar
"""

UNORDERED = """
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    def forward(x, *, kernel_size, stride):
        (k,), (s,) = kernel_size, stride
        return sliding_window_view(x, k, -1)[..., ::s, :].mean(-1), (x.shape, k, s)

    def vjp(residuals, y_bar):
        shape, k, s = residuals
        x_bar = np.zeros(shape, y_bar.dtype)
        for j in np.random.default_rng().permutation(k):
            x_bar[..., j : j + s * y_bar.shape[-1] : s] += y_bar * y_bar.dtype.type(1 / k)
        return (x_bar,)
"""

FFT = """
    from properties.harness.transform_kernels import fft_forward as forward, fft_vjp as vjp
"""

BATCHES = """
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    def forward(x, w, b):
        n, c = x.shape[:2]
        halves = [range(c // 2), range(c // 2, c)] if n > 1 else [range(c)]
        k = w.shape[-1]
        y = 0
        for half in halves:
            part = np.zeros((n, len(w), x.shape[-1] - k + 1), x.dtype)
            for i in half:
                for j in range(k):
                    part += w[None, :, i, j, None] * x[:, i : i + 1, j : j + part.shape[-1]]
            y = y + part
        return (y if b is None else y + b[:, None]), (x, w, b)

    def vjp(residuals, y_bar):
        x, w, b = residuals
        k, x_bar, w_bar = w.shape[-1], np.zeros_like(x), np.zeros_like(w)
        for i in range(x.shape[1]):
            for j in range(k):
                window = x[:, i, j : j + y_bar.shape[-1]]
                w_bar[:, i, j] = (y_bar * window[:, None]).sum((0, 2))
                for o in range(len(w)):
                    x_bar[:, i, j : j + y_bar.shape[-1]] += w[o, i, j] * y_bar[:, o]
        return x_bar, w_bar, None if b is None else y_bar.sum((0, 2))
"""

SMALL_INPUTS = {
    "narrow sums": Input(
        Given(
            NARROW,
            "conv1d",
            ("conv1d n2ic1iw800oc2kw1 bf16 real", "conv1d n2ic2iw9oc3kw2 bf16 exact"),
        ),
        ("b_bar: lost precision", "explained only by sums in bfloat16", 'ACCUMULATES = "bfloat16"'),
        1,
        {"accumulates": "bfloat16"},
    ),
    "unordered sums": Input(
        Given(
            UNORDERED,
            "avg_pool1d",
            ("avg_pool1d n2ic3iw40kw7sw1 f32 real", "avg_pool1d n2ic3iw40kw7sw1 f32 exact"),
        ),
        ("x_bar: adds up in another order each time", "real values differ from call to call by"),
        0,
        {"deterministic": True},
        ("x_bar: not deterministic",),
        1,
    ),
    "a transform": Input(
        Given(
            FFT,
            "conv1d",
            (
                "conv1d n1ic2iw1oc2kw1pw3sw4 f64 exact",
                "conv1d n2ic3iw9oc2kw3 f64 exact",
                "conv1d n2ic3iw9oc2kw3 f64 huge",
            ),
        ),
        ("wrong", "the rounding of a transform", "declare EXACT = False with its NORM"),
        1,
        {"exact": False, "constant": 8},
    ),
    "batch dependence": Input(
        Given(BATCHES, "conv1d", ("conv1d n3ic9iw12oc4kw3 f32 real",)),
        ("a sample's bits depend on the batch it is in (y; ", "who claims BATCH_INVARIANT"),
        0,
        {"batch_invariant": True},
        ("y: depends on the batch", "though it claims the same bits in every batch"),
        1,
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", SMALL_INPUTS)
def test_a_small_input_is_told_rightly_with_its_claim_and_without(
    name: str, door: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SMALL_INPUTS[name]
    for claims, code, says in (
        ({}, given.exit_code, given.says),
        (given.claims, given.then_exit, given.then),
    ):
        with monkeypatch.context() as patch:
            exit_code, said = DOORS[door](given.kernel, claims, pytester, patch)
        assert exit_code == code, said
        for text in says:
            assert text in said
