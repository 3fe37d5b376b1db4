"""A right kernel whose sums run in another order every time, as those of atomics do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.subject import Subject


def in_any_order(right: Subject) -> Subject:
    """`right`, whose samples and channels are shuffled before each call and sorted after it.

    Only a convolution adds up over them: of one group over channels, and of any over samples.
    """
    rng = np.random.default_rng()

    def forward(x: Array, w: Array, b: Array | None = None, *, groups: int, **params: Any) -> Any:
        samples = rng.permutation(len(x))
        channels = rng.permutation(x.shape[1]) if groups == 1 else np.arange(x.shape[1])
        own = channels if groups == 1 else np.arange(w.shape[1])
        y, residuals = right.forward(
            np.ascontiguousarray(x[samples][:, channels]),
            np.ascontiguousarray(w[:, own]),
            b,
            groups=groups,
            **params,
        )
        return y[np.argsort(samples)], (residuals, samples, channels, own)

    def vjp(kept: Any, y_bar: Array) -> tuple[Array | None, ...]:
        residuals, samples, channels, own = kept
        x_bar, w_bar, b_bar = right.vjp(residuals, np.ascontiguousarray(y_bar[samples]))
        sorted_x = x_bar[np.argsort(samples)][:, np.argsort(channels)]
        return sorted_x, w_bar[:, np.argsort(own)], b_bar

    return replace(right, forward=forward, vjp=vjp)
