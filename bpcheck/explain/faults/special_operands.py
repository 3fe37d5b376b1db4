"""Weights and biases at the ends of the range: what is lost of them, and where NaN gets out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import CONV, Fault
from bpcheck.explain.faults.run import Run, planted
from bpcheck.explain.faults.special_values import SPECIAL, cleaned, has_special
from bpcheck.filling import fill

#: The check that judges subnormal and nearly overflowing values.
EXTREME = ("extreme values",)

#: What somebody took for larger than any weight.
LARGE = 1e30


def _y_of_clean(name: str) -> Callable[[Run], Array]:
    return lambda run: run.once_more(**{name: cleaned(run.operands[name])}).y


def _nothing_of(array: Array) -> Array:
    """Zeros, but for where 0 is multiplied by what is not finite."""
    with np.errstate(invalid="ignore"):
        return array * array.dtype.type(0)


def _y_of_one_matrix(run: Run) -> Array:
    """As if all filters were columns of a product with a matrix of ones and zeros."""
    return run.y + _nothing_of(run.operands["w"]).sum(dtype=run.y.dtype)


def _begun_as_zero_times(name: str) -> Callable[[Run, Array, Any], Array]:
    return lambda run, y_bar, bar: bar + _nothing_of(run.operands[name])


def _without_subnormals(array: Array) -> Array:
    smallest = 2.0 ** (FORMATS[array.dtype.name].bits - 1) * FORMATS[array.dtype.name].tiniest
    return np.where(np.abs(array) < smallest, array.dtype.type(0), array)


def _y_of_flushed_weights(run: Run) -> Array:
    return run.once_more(w=_without_subnormals(run.operands["w"])).y


def _y_of_clipped_weights(run: Run) -> Array:
    w = run.operands["w"]
    clipped = np.where(np.isfinite(w), np.clip(w, -LARGE, LARGE), w)
    return run.once_more(w=clipped.astype(w.dtype)).y


def _has_special_and_clean_filters(case: Case) -> bool:
    if not has_special(case, "w"):
        return False
    w = fill(case).operands["w"].astype(np.float64)
    return bool(np.isfinite(w).all(axis=tuple(range(1, w.ndim))).any())


def _weights(holds: Callable[[Case, Array], bool]) -> Callable[[Case], bool]:
    def shows(case: Case) -> bool:
        return is_read(case) and holds(case, fill(case).operands["w"].astype(np.float64))

    return shows


def _has_subnormal(case: Case, w: Array) -> bool:
    form = FORMATS[case.dtype]
    magnitudes = np.abs(w)
    return bool(((magnitudes > 0) & (magnitudes < 2.0 ** (form.bits - 1) * form.tiniest)).any())


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-nan-taken-for-zero",
        what="NaN and infinities among the weights are replaced by zeros: y does not show them",
        operations=CONV,
        results=("y",),
        condition="NaN or an infinity in w",
        shows=lambda case: has_special(case, "w"),
        plant=planted(y=_y_of_clean("w")),
        caught_by=SPECIAL,
        source="https://github.com/pytorch/pytorch/issues/12484",
    ),
    Fault(
        name="b-nan-taken-for-zero",
        what="NaN and infinities in the bias are replaced by zeros: y does not show them",
        operations=CONV,
        results=("y",),
        condition="NaN or an infinity in b",
        shows=lambda case: "b" in fill(case).operands and has_special(case, "b"),
        plant=planted(y=lambda run: _y_of_clean("b")(run) if "b" in run.operands else run.y),
        caught_by=SPECIAL,
        source="https://github.com/pytorch/pytorch/issues/12484",
    ),
    Fault(
        name="y-nan-weight-in-every-channel",
        what="filters are kept apart by multiplying the others with 0: NaN in one spoils all",
        operations=CONV,
        results=("y",),
        condition="NaN or an infinity in another filter",
        shows=_has_special_and_clean_filters,
        plant=planted(y=_y_of_one_matrix),
        caught_by=SPECIAL,
        source="https://github.com/pytorch/pytorch/issues/4132",
    ),
    Fault(
        name="x-bar-begun-as-zero-times-x",
        what="x_bar begins as 0 times x: it is NaN where x is not finite",
        operations=CONV,
        results=("x_bar",),
        condition="NaN or an infinity in x",
        shows=lambda case: has_special(case, "x"),
        plant=planted(x_bar=_begun_as_zero_times("x")),
        caught_by=SPECIAL,
        source="https://github.com/leggedrobotics/rsl_rl/pull/66",
    ),
    Fault(
        name="w-bar-begun-as-zero-times-w",
        what="w_bar begins as 0 times w: it is NaN where w is not finite",
        operations=CONV,
        results=("w_bar",),
        condition="NaN or an infinity in w",
        shows=lambda case: has_special(case, "w"),
        plant=planted(w_bar=_begun_as_zero_times("w")),
        caught_by=SPECIAL,
        source="https://github.com/leggedrobotics/rsl_rl/pull/66",
    ),
    Fault(
        name="b-bar-begun-as-zero-times-b",
        what="b_bar begins as 0 times b: it is NaN where b is not finite",
        operations=CONV,
        results=("b_bar",),
        condition="NaN or an infinity in b",
        shows=lambda case: "b" in fill(case).operands and has_special(case, "b"),
        plant=planted(b_bar=_begun_as_zero_times("b")),
        caught_by=SPECIAL,
        source="https://github.com/leggedrobotics/rsl_rl/pull/66",
    ),
    Fault(
        name="w-subnormals-flushed",
        what="subnormal weights are taken for zeros",
        operations=CONV,
        results=("y",),
        condition="weights below the smallest normal number",
        shows=_weights(_has_subnormal),
        # Who does not claim them may flush them.
        plant=lambda right: planted(y=_y_of_flushed_weights)(right.claiming(subnormals=True)),
        caught_by=EXTREME,
        source="https://github.com/ggml-org/llama.cpp/pull/7843",
    ),
    Fault(
        name="w-clipped",
        what="weights are clipped to 1e30",
        operations=CONV,
        results=("y",),
        condition="weights above 1e30",
        shows=_weights(lambda case, w: bool((np.abs(w[np.isfinite(w)]) > LARGE).any())),
        plant=planted(y=_y_of_clipped_weights),
        caught_by=EXTREME,
        source="https://github.com/microsoft/onnxconverter-common/issues/211",
    ),
)
