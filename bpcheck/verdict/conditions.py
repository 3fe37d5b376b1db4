"""Conditions of values: under which kind of numbers a defect shows, where it needs one."""

from __future__ import annotations

from dataclasses import replace

from bpcheck.cases import Case
from bpcheck.cases.layouts import join_layouts
from bpcheck.cases.repeats import REPEATING
from bpcheck.filling.lattice import lattice_is_kinked

#: Plain values: what is wrong for these is wrong by its formula.
PLAIN = ""

#: The others, as a headline reads them, the plainest first.
TIE, ZERO, ENDS, SPECIAL, REAL = (
    "values tie",
    "values are 0",
    "values are subnormal or near overflow",
    "values are NaN or infinite",
    "values are rounded",
)

CONDITIONS = (PLAIN, TIE, ZERO, ENDS, SPECIAL, REAL)

_OF_KINDS = {
    "ties": ZERO,
    "sparse": ZERO,
    "tiny": ENDS,
    "huge": ENDS,
    "special": SPECIAL,
    "masked": SPECIAL,
    "real": REAL,
    "pruned": ZERO,
    "scaled": ENDS,
}


def condition_of(case: Case) -> str:
    """The condition that the values of a case meet, beside those of plain ones.

    >>> from bpcheck.cases import parse_case
    >>> condition_of(parse_case("max_pool1d n1ic1iw4kw2 f64 ties"))
    'values tie'
    """
    condition = PLAIN if case.values == plain_kind(case) else _OF_KINDS.get(case.values, PLAIN)
    if condition in (PLAIN, ZERO) and lattice_is_kinked(case):
        return TIE if condition == ZERO or _repeats(case) else PLAIN
    return condition


def _repeats(case: Case) -> bool:
    """Whether numbers of an operand are tied by its layout."""
    return any(case.layouts.get(name) in REPEATING for name in case.operation.operands)


def plain_kind(case: Case) -> str:
    """The value kind of the operation that needs no condition."""
    return "exact" if "exact" in case.operation.value_kinds else "real"


def plainer(case: Case) -> tuple[Case, ...]:
    """The case with plainer values, the plainest first; nothing if they are plain."""
    condition = condition_of(case)
    if condition == PLAIN:
        return ()
    plain = replace(case, values=plain_kind(case), one_hot=None)
    if lattice_is_kinked(case):
        apart = {
            name: layout
            for name, layout in case.layouts.items()
            if name == "y_bar" or layout not in REPEATING
        }
        plain = replace(plain, layout=join_layouts(apart))
        if condition == SPECIAL or (condition != TIE and _repeats(case)):
            # What a comparison does with NaN, or where a layout ties numbers, may be what it does
            # with equals.
            return plain, replace(plain, values="ties")
        return (plain,)
    # What rounds real numbers rounds numbers that fill the significand.
    return (plain, replace(plain, values="wide")) if condition == REAL else (plain,)


def plainness(case: Case, size: int) -> tuple[int, ...]:
    """What makes one case of a defect plainer than another: exact, then its values, then size.

    An exact case tells more than a small one, since its numbers can be followed; a plain one tells
    more than a tie, and a tie more than a NaN.
    """
    return not case.is_exact, CONDITIONS.index(condition_of(case)), size


def may_show(condition: str) -> tuple[str, ...]:
    """The conditions of the cases in which a defect of this one may show.

    Any case may show what any values do, and cases with NaN have ties as well.
    """
    if condition == PLAIN:
        return CONDITIONS
    return (TIE, SPECIAL) if condition == TIE else (condition,)
