"""Arrays written out as Python, each in its memory layout, every bit kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.checks.run import hand
from bpcheck.errors import UsageError
from bpcheck.filling import Arrays

#: What lays the numbers of an array out in memory, where a test needs it.
LAID_OUT = '''\
def laid_out(values, strides):
    """The same numbers with these strides, in elements; between and around them lies NaN."""
    ends = [(n - 1) * step for n, step in zip(values.shape, strides)]
    before = values.size - sum(min(0, end) for end in ends)
    after = values.size + sum(max(0, end) for end in ends)
    memory = np.full(before + 1 + after, np.nan).astype(values.dtype)
    steps = [step * values.itemsize for step in strides]
    view = np.ndarray(values.shape, values.dtype, memory, before * values.itemsize, steps)
    view[...] = values
    return view
'''


def given_lines(case: Case, arrays: Arrays) -> Iterator[str]:
    """The operands and the cotangent of a case, by their names."""
    handed = hand(case, arrays)
    laid = {**handed.operands, "y_bar": handed.y_bar}
    for name, array in laid.items():
        layout = case.layouts.get(name, "")
        if layout == OUTPUT:
            continue
        source = arrays.y_bar if name == "y_bar" else arrays.operands[name]
        yield f"{name} = {written(source)}"
        if layout == "unaligned":
            raise UsageError(f"{case}: an unaligned array is none that a short test makes")
        strides = tuple(step // array.itemsize for step in array.strides)
        plain = np.empty(array.shape, array.dtype)
        if strides != tuple(step // array.itemsize for step in plain.strides):
            yield f"{name} = laid_out({name}, {strides})  # {layout}"
        if not array.flags.writeable:
            yield f"{name}.flags.writeable = False"


def written(array: Array) -> str:
    """An array as NumPy's constructor takes it.

    Examples
    --------
    >>> written(np.array([[1.0, -0.0]], np.float32)), written(np.array([np.nan, np.inf]))
    ('np.array([[1.0, -0.0]], np.float32)', 'np.array([np.nan, np.inf], np.float64)')
    """
    dtype = "ml_dtypes.bfloat16" if array.dtype.name == "bfloat16" else f"np.{array.dtype.name}"
    with np.errstate(invalid="ignore"):
        values = array.astype(np.float64)
    if not array.size or array.ndim == 0:
        return f"np.full({array.shape}, {_number(float(values)) if array.size else 0}, {dtype})"
    text = re.sub(
        r"-?\b(?:nan|inf)\b", lambda found: _number(float(found.group())), str(_plain(values))
    )
    return f"np.array({text}, {dtype})"


def _plain(values: Array) -> list[Any]:
    """Whole numbers as such, as far as none is lost; -0 is none."""
    is_whole = np.isfinite(values).all() and (values == np.rint(values)).all()
    is_short = (
        is_whole and np.abs(values).max() < 2**53 and not (np.signbit(values) & (values == 0)).any()
    )
    return (values.astype(np.int64) if is_short else values).tolist()


def _number(value: float) -> str:
    if np.isnan(value):
        return "np.nan"
    return repr(value) if np.isfinite(value) else f"{'-' if value < 0 else ''}np.inf"
