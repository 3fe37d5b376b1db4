"""Gradients that are 0 throughout: nothing is sent back."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import CONV, EVERY, Fault
from bpcheck.explain.faults.run import Run, planted

SOURCE = "https://github.com/BVLC/caffe/issues/3086"


def _zeros(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.zeros_like(bar)


def _has_bias(case: Case) -> bool:
    return has_samples(case) and bool(case.geometry.bias)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="every-gradient-zero",
        what="every gradient is 0: nothing is sent back",
        operations=CONV,
        results=("x_bar", "w_bar", "b_bar"),
        condition="always",
        # The bias gets its gradient also where windows read padding alone.
        shows=lambda case: is_read(case) or _has_bias(case),
        plant=planted(x_bar=_zeros, w_bar=_zeros, b_bar=_zeros),
        source=SOURCE,
    ),
    Fault(
        name="x-bar-all-zero",
        what="x_bar is 0 throughout: nothing is sent back",
        operations=EVERY,
        results=("x_bar",),
        condition="always",
        shows=is_read,
        plant=planted(x_bar=_zeros),
        source=SOURCE,
    ),
    Fault(
        name="w-bar-all-zero",
        what="w_bar is 0 throughout",
        operations=CONV,
        results=("w_bar",),
        condition="always",
        shows=is_read,
        plant=planted(w_bar=_zeros),
        source=SOURCE,
    ),
    Fault(
        name="b-bar-all-zero",
        what="b_bar is 0 throughout",
        operations=CONV,
        results=("b_bar",),
        condition="a bias",
        shows=_has_bias,
        plant=planted(b_bar=_zeros),
        source=SOURCE,
    ),
)
