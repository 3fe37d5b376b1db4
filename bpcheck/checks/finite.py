"""Finite operands give finite results: what was never written, and what overflowed, shows here.

Before each call NaN is left in memory of the results' sizes, which the allocator is likely to hand
out again: a kernel that reads an output before it wrote it, or leaves a part unwritten, returns it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.checks.compare import same_bits
from bpcheck.checks.outcomes import failed, first_of_each, not_applicable, unjudged
from bpcheck.checks.run import is_real_array, numbers_of
from bpcheck.checks.trial import Trial
from bpcheck.finding import Kind, Outcome

NAME = "finite"

_UNWRITTEN = (
    "it is what memory held before the call: look for memory that is read before it is written, or "
    "never written"
)

#: Numbers that are left in memory in the place of NaN, to see whether a result follows them.
_LEFT = (1.0, 2.0)


def check_finite(trial: Trial) -> tuple[Outcome, ...]:
    """Every number of every result is finite, unless an operand is not."""
    if trial.case.values == "special":
        return unjudged(trial, NAME, "operands that are not finite")
    if trial.case.values == "huge" and not trial.subject.claims.exact:
        # It adds up numbers that have nothing to do with the result.
        return unjudged(trial, NAME, "a transform may overflow on its way")
    given = trial.first.raw
    return tuple(
        outcome
        if _is_judged(trial, outcome.result, given.get(outcome.result))
        else not_applicable(NAME, outcome.result, "the contract is broken")
        for outcome in first_of_each(trial, NAME, _violations(trial))
    )


def _violations(trial: Trial) -> Iterator[Outcome]:
    for result, given in trial.first.raw.items():
        if not _is_judged(trial, result, given):
            continue
        value: Any = numbers_of(trial.case, result, given) if trial.case.outputs else given
        if _is_finite(value):
            continue
        wrong = ~np.isfinite(value) & _should_be(trial, result)
        if not wrong.any():
            continue
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = trial.case.element(result, index)
        message = f"{where} is {value[index]}, and {_why(trial, result)}"
        yield failed(trial, NAME, result, Kind.NOT_FINITE, message)


def _should_be(trial: Trial, result: str) -> Array:
    """Where a result should be finite: a mean of no numbers is none, by the reference too."""
    if trial.case.lattice is not None:
        return np.ones(trial.case.shapes[result], dtype=bool)
    found: Array = np.isfinite(trial.autograd[result])
    return found


def _is_judged(trial: Trial, result: str, value: Any) -> bool:
    if result == "y" and trial.case.outputs:
        return result in trial.got
    # One of another shape may be huge, as a view of stride 0 is.
    return is_real_array(value) and value.shape == trial.case.shapes[result]


def _why(trial: Trial, result: str) -> str:
    """What is known of a result that is not finite: where it comes from, or that it should be."""
    if result in trial.got and _follows_memory(trial, result):
        return _UNWRITTEN
    if trial.case.values == "huge":
        return (
            "every operand is finite and no true result overflows; look for a narrower type, or a "
            "product of two of them"
        )
    return "every operand is finite and small"


def _follows_memory(trial: Trial, result: str) -> bool:
    """Whether what is left in memory before the calls decides.

    Other numbers that are left there then lead to other numbers, where NaN led to none; the same
    one once more leads to the same, lest chance be taken for it.
    """
    one, other, again = (
        trial.again(trial.arrays, layouts=trial.case.layouts, left=left).got.get(result)
        for left in (*_LEFT, _LEFT[0])
    )
    if one is None or other is None or again is None or not same_bits(one, again):
        return False
    wrong = ~np.isfinite(trial.got[result])
    return bool((np.isfinite(other[wrong]) & (one[wrong] != other[wrong])).any())


def _is_finite(array: Array) -> bool:
    # A sum is finite only if all terms are; an overflow of the sum alone takes the second look.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())
