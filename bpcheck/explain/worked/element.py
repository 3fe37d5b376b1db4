"""One element worked by hand, as lines: its terms, what they add up to, and what was given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bpcheck.checks import Trial
from bpcheck.explain.worked.look import Look, look_at
from bpcheck.explain.worked.numbers import factor, told
from bpcheck.explain.worked.terms import term_lines
from bpcheck.explain.worked.verified import what_it_is
from bpcheck.operations.formed import Formed

#: Lines that one element may take.
MOST_LINES = 15


def worked_by_hand(trial: Trial, result: str, index: tuple[int, ...]) -> tuple[str, ...]:
    r"""The arithmetic of one element that is wrong in the first run, in at most 15 lines.

    Every number is one of the case's arrays, of its results, or follows from them. What the wrong
    one is is said only where it was found to be that on other values, too.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> from bpcheck.explain.faults import fault_named
    >>> from bpcheck.explain.right import right_kernel
    >>> wrong = fault_named("x-bar-overlap-overwritten").plant(right_kernel("avg_pool1d"))
    >>> trial = Trial(wrong, parse_case("avg_pool1d n1ic1iw3kw2 f64 small c-order seed=0"))
    >>> print(*worked_by_hand(trial, "x_bar", (0, 0, 1)), sep="\n")
    x[0,0,1] is read by:
      window 0 as its cell 1:  y_bar[0,0,0] / 2 = 6 / 2 = 3
      window 1 as its cell 0:  y_bar[0,0,1] / 2 = 2 / 2 = 1
      divided by 2: its cells
    so x_bar[0,0,1] is 3 + 1 = 4
    the vjp gave 1: the share of window 1 alone
    """
    got = trial.got.get(result)
    look = look_at(
        trial.case,
        result,
        index,
        arrays={**trial.arrays.operands, "y_bar": trial.arrays.y_bar},
        right=trial.autograd,
        got=got,
    )
    if look.got is None:
        return ()
    what = "" if look.gives(look.expected) else what_it_is(trial.subject, look)
    return tuple(element_lines(look, what=what))


def element_lines(look: Look, *, what: str = "") -> Iterator[str]:
    """The lines of one element; `what` the wrong number is, if it is known."""
    by = "forward" if look.result == "y" else "vjp"
    if look.formed is None:
        name = look.element(look.result, look.index)
        yield f"{name} is {told(look.expected)} in the operation as torch computes it"
    else:
        yield from _arithmetic(look, look.formed)
    if look.got is not None:
        same = " as well" if look.gives(look.expected) else f": {what}" if what else ""
        yield f"the {by} gave {told(look.got)}{same}"


def _arithmetic(look: Look, formed: Formed) -> Iterator[str]:
    name = look.element(look.result, look.index)
    if not len(formed):
        # Of a window that lies on padding alone, the remark and the bias tell the rest.
        yield f"{formed.head} no window" if "window" in formed.groups else formed.head
        yield from (f"  {remark}" for remark in formed.remarks)
        for plus, at in formed.plus:
            value = told(float(look.arrays[plus][at]))
            yield f"  {look.element(plus, at)} = {value}, which is added"
        yield f"so {name} is {_sum(look, formed)}"
        return
    room = MOST_LINES - 3 - len(formed.remarks)
    yield f"{formed.head}:" if formed.head[-2:] in ("by", "in", "es") else formed.head
    yield from (f"  {line}" for line in term_lines(look, formed, room))
    yield from (f"  {remark}" for remark in formed.remarks)
    yield f"so {name} is {_sum(look, formed)}"


def _sum(look: Look, formed: Formed) -> str:
    """``0.5 + 0.5 = 1``."""
    expected = told(look.expected)
    if formed.picked is not None:
        return expected
    shares = [float(each) for each in formed.shares(look.arrays)[formed.counts]]
    parts = [*shares, *formed.added(look.arrays)]
    if len(parts) < 2:
        return expected if parts else "0"
    shown = [each for each in parts if each != 0]
    if not 1 < len(shown) <= 8:
        return f"their sum, {expected}"
    spelt = " + ".join([told(shown[0]), *map(factor, shown[1:])])
    # What torch makes of it is rounded, too.
    equals = "=" if "≈" not in spelt + expected and np.sum(shown) == look.expected else "≈"
    return f"{spelt.replace('≈', '')} {equals} {expected.lstrip('≈')}"
