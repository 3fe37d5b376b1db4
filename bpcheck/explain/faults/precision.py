"""Precision lost on the way: narrow accumulators, rounded inputs, one element a little off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array, is_integral
from bpcheck.cases import Case
from bpcheck.explain.faults.conditions import has_samples, is_read
from bpcheck.explain.faults.fault import AVG_POOL, CONV, EVERY, MAX_POOL, Fault
from bpcheck.explain.faults.run import Plant, Run, planted, run_of, wide
from bpcheck.filling import fill

#: Formats in which what is lost here cannot be told from honest rounding are left alone.
LONG = ("float64", "float32")


def rounded(array: Array, bits: int) -> Array:
    """`array` in its dtype, rounded to nearest with `bits` significand bits, as TF32 or bf16 do."""
    significand, exponent = np.frexp(wide(array))
    return np.ldexp(np.rint(np.ldexp(significand, bits)), exponent - bits).astype(array.dtype)


def _needs_more_than(bits: int, dtypes: tuple[str, ...]) -> Callable[[Case], bool]:
    """Whether some array of the case has more significand bits than that."""

    def shows(case: Case) -> bool:
        if not is_read(case) or case.dtype not in dtypes:
            return False
        arrays = fill(case)
        every = (arrays.operands["x"], arrays.operands["w"], arrays.y_bar)
        return any(not np.array_equal(rounded(array, bits), array) for array in every)

    return shows


def _operands_rounded(bits: int, dtypes: tuple[str, ...]) -> Plant:
    def short(array: Array) -> Array:
        return rounded(array, bits) if array.dtype.name in dtypes else array

    def again(run: Run) -> Run:
        return run.once_more(x=short(run.operands["x"]), w=short(run.operands["w"]))

    def bar(name: str) -> Callable[[Run, Array, Any], Any]:
        return lambda run, y_bar, _: again(run).bars(short(y_bar))[name]

    return planted(y=lambda run: again(run).y, x_bar=bar("x_bar"), w_bar=bar("w_bar"))


def _summed_in(name: str, dtype: str) -> Callable[[Run, Array, Any], Array]:
    """A gradient from operands, sums and cotangent of a narrower type."""

    def spoil(run: Run, y_bar: Array, bar: Any) -> Array:
        if bar.dtype != np.float64:
            return np.asarray(bar)
        with np.errstate(over="ignore"):
            operands = {key: array.astype(dtype) for key, array in run.operands.items()}
            narrow = run_of(run.right, operands, run.params)
            return narrow.bars(y_bar.astype(dtype))[name].astype(np.float64)

    return spoil


def _y_in_float32(run: Run) -> Array:
    if run.y.dtype != np.float64:
        return run.y
    with np.errstate(over="ignore", invalid="ignore"):
        operands = {key: array.astype(np.float32) for key, array in run.operands.items()}
        return run_of(run.right, operands, run.params).y.astype(np.float64)


def _is_more_than_float32(case: Case) -> bool:
    """Whether float32 does not hold all numbers, and all sums of them, of a case in float64."""
    if not is_read(case) or case.dtype != "float64":
        return False
    arrays = fill(case)
    every = {**arrays.operands, "y_bar": arrays.y_bar}
    sums = case.operation.absolute_sums(every, case.params).values()
    with np.errstate(over="ignore"):
        held = all(np.array_equal(each, each.astype(np.float32)) for each in every.values())
    integral = all(is_integral(each) for each in (*every.values(), *sums))
    return not (held and integral) or max(each.max(initial=0) for each in sums) > 2.0**24


def _through_float32(run: Run, y_bar: Array, bar: Any) -> Array:
    """The right gradient, cast to float32 and back."""
    with np.errstate(over="ignore"):
        cast: Array = bar.astype(np.float32).astype(bar.dtype) if bar.dtype == np.float64 else bar
    return cast


def _exceeds_float32(result: str) -> Callable[[Case], bool]:
    """Whether a sum in float64 is not one of integers that float32 holds as well."""

    def shows(case: Case) -> bool:
        if not is_read(case) or case.dtype != "float64":
            return False
        arrays = fill(case)
        every = {**arrays.operands, "y_bar": arrays.y_bar}
        sums = case.operation.absolute_sums(every, case.params)[result]
        other = every.get("x" if result == "w_bar" else "w", arrays.y_bar)
        factors = (arrays.y_bar, other)
        with np.errstate(over="ignore"):
            held = all(np.array_equal(array, array.astype(np.float32)) for array in factors)
        integral = all(is_integral(array) for array in (*factors, sums))
        return not (held and integral) or sums.max(initial=0) > 2.0**24

    return shows


def _one_off(run: Run, y_bar: Array, bar: Any) -> Array:
    """The largest element moved by 64 units in its last place."""
    spoilt: Array = bar.copy()
    if spoilt.size and len(y_bar):
        index = np.unravel_index(np.abs(wide(bar)).argmax(), bar.shape)
        bits = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}[bar.dtype.name]
        exponent = np.frexp(float(bar[index]))[1]
        spoilt[index] = float(bar[index]) + 64 * np.ldexp(1.0, int(exponent) - bits)
    return spoilt


def _of_long_formats(spoil: Callable[[Array], Array]) -> Callable[[Run, Array, Any], Array]:
    return lambda run, y_bar, bar: spoil(wide(bar)) if bar.dtype.name in LONG else bar


def _is_long(case: Case) -> bool:
    return is_read(case) and case.dtype in LONG


def _is_small(case: Case) -> bool:
    return is_read(case) and case.values in ("real", "tiny") and case.dtype in LONG


FAULTS: tuple[Fault, ...] = (
    Fault(
        name="w-bar-summed-in-float32",
        what="w_bar of float64 operands is summed in float32",
        operations=CONV,
        results=("w_bar",),
        condition="float64, with sums that float32 does not hold",
        shows=_exceeds_float32("w_bar"),
        plant=planted(w_bar=_summed_in("w_bar", "float32")),
        source="https://github.com/ROCm/rocm-libraries/pull/5859",
    ),
    Fault(
        name="x-bar-summed-in-float32",
        what="x_bar of float64 operands is summed in float32",
        operations=EVERY,
        results=("x_bar",),
        condition="float64, with sums that float32 does not hold",
        shows=_exceeds_float32("x_bar"),
        plant=planted(x_bar=_summed_in("x_bar", "float32")),
        source="https://github.com/tensorflow/tensorflow/pull/27213",
    ),
    Fault(
        name="all-in-float32",
        what="all of it goes through float32, though the operands are float64",
        rounds="float32",
        operations=CONV,
        results=("y", "x_bar", "w_bar", "b_bar"),
        condition="float64, with numbers or sums that float32 does not hold",
        shows=_is_more_than_float32,
        plant=planted(
            y=_y_in_float32,
            bars={name: _summed_in(name, "float32") for name in ("x_bar", "w_bar", "b_bar")},
        ),
        source="https://github.com/tensorflow/tensorflow/pull/27213",
    ),
    Fault(
        name="w-bar-cast-to-float32",
        what="w_bar of float64 operands is cast to float32 on its way out",
        operations=CONV,
        results=("w_bar",),
        condition="float64, with sums that float32 does not hold",
        shows=_exceeds_float32("w_bar"),
        plant=planted(w_bar=_through_float32),
        source="https://github.com/tensorflow/tensorflow/pull/27213",
    ),
    Fault(
        name="x-bar-cast-to-float32",
        what="x_bar of float64 operands is cast to float32 on its way out",
        operations=EVERY,
        results=("x_bar",),
        condition="float64, with sums that float32 does not hold",
        shows=_exceeds_float32("x_bar"),
        plant=planted(x_bar=_through_float32),
        source="https://github.com/tensorflow/tensorflow/pull/27213",
    ),
    Fault(
        name="operands-in-tf32",
        what="operands and cotangent of the products are rounded to TF32 (11 bits)",
        operations=CONV,
        results=("y", "x_bar", "w_bar"),
        condition="float32, with values of more than 11 bits",
        shows=_needs_more_than(11, ("float32",)),
        plant=_operands_rounded(11, ("float32",)),
        source="https://github.com/ROCm/AMDMIGraphX/pull/5248",
    ),
    Fault(
        name="operands-in-bfloat16",
        what="operands and cotangent of the products are rounded to bfloat16 (8 bits)",
        operations=CONV,
        results=("y", "x_bar", "w_bar"),
        condition="float64 or float32, with values of more than 8 bits",
        shows=_needs_more_than(8, LONG),
        plant=_operands_rounded(8, LONG),
        source="https://github.com/google/jax/pull/7859",
    ),
    Fault(
        name="x-bar-one-element-off-by-64-ulp",
        what="one element of x_bar is off by 64 units in the last place",
        operations=(*CONV, *MAX_POOL),
        results=("x_bar",),
        condition="always",
        shows=has_samples,
        plant=planted(x_bar=_one_off),
        caught_by=("autograd", "finite differences"),
        source="https://github.com/tenstorrent/tt-metal/issues/55349",
    ),
    Fault(
        name="w-bar-one-element-off-by-64-ulp",
        what="one element of w_bar is off by 64 units in the last place",
        operations=CONV,
        results=("w_bar",),
        condition="always",
        shows=has_samples,
        plant=planted(w_bar=_one_off),
        caught_by=("autograd", "finite differences"),
        source="https://github.com/ROCm/rocm-libraries/pull/4069",
    ),
    Fault(
        name="x-bar-rough-reciprocal",
        what="shares are multiplied by a reciprocal of 8 bits",
        operations=AVG_POOL,
        results=("x_bar",),
        condition="float64 or float32",
        shows=_is_long,
        # A reciprocal of 8 bits is off by up to 2**-9 of itself.
        plant=planted(x_bar=_of_long_formats(lambda bar: bar * (1 + 2.0**-9))),
        source="https://github.com/xmos/ai_tools/issues/226",
    ),
    Fault(
        name="x-bar-in-fixed-point",
        what="x_bar is kept in fixed point, in steps of 1/256",
        operations=CONV,
        results=("x_bar",),
        condition="real or tiny values in float64 or float32",
        shows=_is_small,
        plant=planted(x_bar=_of_long_formats(lambda bar: np.rint(bar * 256) / 256)),
        caught_by=("rounding",),
        source="https://github.com/Tiiiger/QPyTorch/issues/59",
    ),
    Fault(
        name="x-bar-small-values-dropped",
        what="gradients below 1/2 are taken for 0, as for a sparse update",
        operations=CONV,
        results=("x_bar",),
        condition="real or tiny values in float64 or float32",
        shows=_is_small,
        plant=planted(x_bar=_of_long_formats(lambda bar: np.where(np.abs(bar) < 0.5, 0, bar))),
        caught_by=("rounding",),
        source="https://github.com/apache/singa/pull/566",
    ),
)
