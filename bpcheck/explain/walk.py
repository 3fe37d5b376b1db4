"""One case step by step: the forward, then each gradient, with all numbers of one plane of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.checks.compare import difference
from bpcheck.explain.grids import SMALL, WIDTH, grid_lines, shown
from bpcheck.explain.worked.element import element_lines
from bpcheck.explain.worked.look import look_at
from bpcheck.filling import Arrays

#: Elements of ``y`` up to which each is worked by hand; of a larger one, one window is.
EACH = 6

#: Steps of one result that are printed; the others are channels or samples like these.
MOST_STEPS = 24


def walk(
    case: Case,
    arrays: Arrays,
    right: Mapping[str, Array],
    got: Mapping[str, Array] | None = None,
    worked: Mapping[str, tuple[str, ...]] | None = None,
    *,
    asked: Mapping[str, tuple[int, ...] | None] | None = None,
) -> Iterator[str]:
    """The lines, each result after an empty one.

    Parameters
    ----------
    case, arrays, right
        The case, its arrays, and its results as torch computes them in float64.
    got
        What a subject gave; ``None`` where none is asked.
    worked
        By result, what is known of the element that is furthest off, in lines.
    asked
        The results that are asked for, each with an element if one is; empty for all.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> from bpcheck.filling import fill
    >>> from bpcheck.oracles.autograd import autograd
    >>> case = parse_case("max_pool1d n1ic1iw3kw2 f64 small c-order seed=0")
    >>> lines = list(walk(case, fill(case), autograd(case, fill(case))))
    >>> lines[0], lines[-1]
    ('x (1, 1, 3)', 'so x_bar[0,0,0] is 1')
    """
    plain = {**arrays.operands, "y_bar": arrays.y_bar}
    for name, array in plain.items():
        yield from _given(name, array)
    for result in asked or case.shapes:
        yield ""
        heading = f"{result} {right[result].shape}"
        yield heading
        yield "-" * len(heading)
        at = (asked or {}).get(result)
        yield from _result(case, plain, right, result, got, worked or {}, at)


def _given(name: str, array: Array) -> Iterator[str]:
    yield f"{name} {array.shape}"
    values = np.asarray(array, np.float64)
    yield from grid_lines([("", values)]) if values.size <= SMALL else [f"  {shown(values)}"]


def _result(
    case: Case,
    arrays: Mapping[str, Array],
    right: Mapping[str, Array],
    result: str,
    got: Mapping[str, Array] | None,
    worked: Mapping[str, tuple[str, ...]],
    asked: tuple[int, ...] | None,
) -> Iterator[str]:
    """The steps of the plane that is worst or first, elements of it by hand, what was given."""
    values = right[result]
    if not values.size:
        yield "it has no elements: the batch is empty"
        return
    given = None if got is None else got.get(result)
    off = None if given is None or result not in worked else difference(given, values)
    index = asked or (off.index if off else _telling(values))
    yield from _steps(case, arrays, result, index)
    if result in worked and not asked:
        yield from worked[result]
    elif result == "y" and values.size <= EACH and not asked:
        for each in np.ndindex(*values.shape):
            yield from element_lines(
                look_at(case, result, each, arrays=arrays, right=right, got=given)
            )
    else:
        yield from element_lines(
            look_at(case, result, index, arrays=arrays, right=right, got=given)
        )
    if got is not None:
        yield from _compared(result, given, values, is_wrong=result in worked)


def _telling(values: Array) -> tuple[int, ...]:
    """The first element that is not 0, of which a sum tells more."""
    nonzero = np.argwhere(values != 0)
    return tuple(int(i) for i in nonzero[0]) if len(nonzero) else (0,) * values.ndim


def _steps(
    case: Case, arrays: Mapping[str, Array], result: str, index: tuple[int, ...]
) -> Iterator[str]:
    """The steps, where the planes of the case are small enough to be printed."""
    planes = max(prod(array.shape[2:]) for array in (*arrays.values(), np.empty(case.shapes["y"])))
    if planes > SMALL or case.operation.multiplications(case.geometry) > 1_000_000:
        yield f"a plane has {planes:,} elements: too many to be shown whole, so one of them by hand"
        return
    steps = list(case.operation.steps(case.geometry, result, index, arrays))
    # What adds up stands last.
    left_out = len(steps) - MOST_STEPS
    for number, step in enumerate(steps):
        if left_out > 0 and MOST_STEPS - 2 <= number < len(steps) - 2:
            if number == MOST_STEPS - 2:
                yield f"... and {left_out:,} more like these"
            continue
        yield from textwrap.wrap(step.text, WIDTH, break_on_hyphens=False)
        yield from grid_lines(step.grids)
    if steps:
        yield ""


def _compared(result: str, given: Array | None, right: Array, *, is_wrong: bool) -> Iterator[str]:
    """How what the subject gave compares."""
    if given is None:
        yield f"the subject gave no {result} that can be compared"
        return
    off = difference(given, right)
    if off is None:
        yield f"the subject's {result} is the same in all {right.size:,} elements"
    elif not is_wrong:
        yield f"the subject's {result} is off by {off.error:.3g} at most, which rounding explains"
    else:
        yield f"the subject's {result} is wrong in {off.wrong:,} of {off.total:,} elements"
        plane = off.index[:-2] if right.ndim > 2 else ()
        with np.errstate(invalid="ignore"):
            grids = [
                ("got", given[plane]),
                ("expected", right[plane]),
                ("got minus expected", given[plane] - right[plane]),
            ]
        yield from grid_lines(grids) if right[plane].size <= SMALL else ()
