"""Finite operands give finite results: what was never written, and what overflowed, shows here.

Before each call NaN is left in memory of the results' sizes, which the allocator is likely to hand
out again: a kernel that reads an output before it wrote it, or leaves a part unwritten, returns it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.outcomes import failed, first_of_each, not_applicable, unjudged
from bpcheck.checks.run import is_real_array
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "finite"

_SMALL = "small; look for memory that is read before it is written"

#: Kinds of values that are not small, and what to look for where those lead to no finite number.
_SIZES = {"huge": "no true result overflows; look for a narrower type, or a product of two of them"}


def check_finite(trial: Trial) -> tuple[Outcome, ...]:
    """Every number of every result is finite, unless an operand is not."""
    if trial.case.values == "special":
        return unjudged(trial, NAME, "operands that are not finite")
    given = trial.first.raw
    return tuple(
        outcome
        if _is_judged(trial, outcome.result, given.get(outcome.result))
        else not_applicable(NAME, outcome.result, "the contract is broken")
        for outcome in first_of_each(trial, NAME, _violations(trial))
    )


def _violations(trial: Trial) -> Iterator[Outcome]:
    for result, value in trial.first.raw.items():
        if not _is_judged(trial, result, value) or _is_finite(value):
            continue
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        message = (
            f"{result}[{','.join(map(str, index))}] is {value[index]}, and every operand is "
            f"finite and {_SIZES.get(trial.case.values, _SMALL)}"
        )
        yield failed(trial, NAME, result, Kind.NOT_FINITE, message)


def _is_judged(trial: Trial, result: str, value: Any) -> bool:
    # One of another shape may be huge, as a view of stride 0 is.
    return is_real_array(value) and value.shape == trial.case.shapes[result]


def _is_finite(array: Array) -> bool:
    # A sum is finite only if all terms are; an overflow of the sum alone takes the second look.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())
