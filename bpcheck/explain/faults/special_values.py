"""Values at the ends of the range: NaN and infinities lost or spread, subnormals flushed."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import is_read
from bpcheck.explain.faults.fault import EVERY, LINEAR, Fault
from bpcheck.explain.faults.run import Run, planted
from bpcheck.filling import fill

#: The check that judges NaN and infinities.
SPECIAL = ("NaN and infinity",)


def cleaned(array: Array) -> Array:
    """With zeros for NaN and infinities."""
    return np.where(np.isfinite(array), array, array.dtype.type(0))


def _y_of_the_clean_input(run: Run) -> Array:
    return run.once_more(x=cleaned(run.operands["x"])).y


def _y_of_one_product(run: Run) -> Array:
    """As if the batch were multiplied by a matrix with zeros between the samples."""
    x = run.operands["x"]
    with np.errstate(invalid="ignore"):
        nothing = (x * x.dtype.type(0)).sum(dtype=x.dtype)
        return run.y + nothing


def _flushed(run: Run) -> Array:
    normal = np.finfo(run.y.dtype).smallest_normal
    return np.where(np.abs(run.y) < normal, run.y.dtype.type(0), run.y)


def _flushed_gradient(run: Run, y_bar: Array, bar: Any) -> Array:
    return np.where(np.abs(bar) < 1e-12, bar.dtype.type(0), bar)


def _has_tiny_cotangents(case: Case) -> bool:
    if case.values != "tiny" or not is_read(case):
        return False
    y_bar = np.abs(fill(case).y_bar.astype(np.float64))
    return bool(y_bar.max(initial=0) < 1e-20)


def has_special(case: Case, name: str) -> bool:
    """NaN or an infinity in an operand or the cotangent of a case with windows that read."""
    arrays = fill(case)
    array = arrays.y_bar if name == "y_bar" else arrays.operands[name]
    return is_read(case) and not bool(np.isfinite(array.astype(np.float64)).all())


def _has_special_and_clean_samples(case: Case) -> bool:
    if not has_special(case, "x"):
        return False
    x = fill(case).operands["x"].astype(np.float64)
    clean = np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
    return bool(clean.any())


def _has_subnormal_results(case: Case) -> bool:
    return case.values == "tiny" and FORMATS[case.dtype].dtype.kind == "f" and is_read(case)


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="y-of-nan-taken-for-zero",
        what="NaN and infinities in x are replaced by zeros: y does not show them",
        operations=LINEAR,
        results=("y",),
        condition="NaN or an infinity in x",
        shows=lambda case: has_special(case, "x"),
        plant=planted(y=_y_of_the_clean_input),
        caught_by=SPECIAL,
        source="https://github.com/tensorflow/tensorflow/issues/63391",
    ),
    Fault(
        name="cotangent-nan-taken-for-zero",
        what="NaN and infinities in the cotangent are replaced by zeros: no gradient shows them",
        operations=LINEAR,
        results=("x_bar", "w_bar", "b_bar"),
        condition="NaN or an infinity in the cotangent",
        shows=lambda case: has_special(case, "y_bar"),
        plant=planted(cotangent=lambda run, y_bar: cleaned(y_bar)),
        caught_by=SPECIAL,
        source="https://github.com/AI-Hypercomputer/maxtext/pull/3721",
    ),
    Fault(
        name="y-nan-in-every-sample",
        what="samples are kept apart by multiplying the others with 0: NaN in one spoils all",
        operations=LINEAR,
        results=("y",),
        condition="NaN or an infinity in another sample",
        shows=_has_special_and_clean_samples,
        plant=planted(y=_y_of_one_product),
        caught_by=SPECIAL,
        source="https://github.com/ecmwf/WeatherGenerator/issues/2723",
    ),
    Fault(
        name="y-subnormals-flushed",
        what="subnormal results of the forward are flushed to zero",
        operations=EVERY,
        results=("y",),
        condition="results below the smallest normal number",
        shows=_has_subnormal_results,
        # Who does not claim them may flush them.
        plant=lambda right: planted(y=_flushed)(right.claiming(subnormals=True)),
        caught_by=("extreme values",),
        source="https://github.com/pytorch/pytorch/issues/190740",
    ),
    Fault(
        name="x-bar-small-numbers-taken-for-zero",
        what="gradients below 1e-12 are taken for noise, and set to 0",
        operations=EVERY,
        results=("x_bar",),
        condition="a tiny cotangent",
        shows=_has_tiny_cotangents,
        plant=planted(x_bar=_flushed_gradient),
        caught_by=("extreme values",),
        source="https://github.com/flexcompute/tidy3d/pull/3123",
    ),
)
