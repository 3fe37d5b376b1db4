"""Runs in other orders than a forward and its vjp, and runs of what has been run before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, lay_out
from bpcheck.checks.run import Handed, Run, call_forward, hand, is_pair, run, run_vjp
from bpcheck.checks.turns import turn_within
from bpcheck.filling import Arrays
from bpcheck.subject import Subject

#: Each order by the name of its row: ``f2`` is the second forward, ``v2`` the vjp of what it
#: returned. The first one is on the arrays of the case, the others are on those of another.
ORDERS: Mapping[str, str] = {
    "vjps in reverse": "f1 f2 v2 v1",
    "vjps in order": "f1 f2 v1 v2",
    "three forwards": "f1 f2 f3 v1",
}

#: The order that costs least: its cases can afford a second vjp too.
CHEAPEST = "three forwards"


def order_of(case: Case) -> str:
    """The name of the order that falls to this case."""
    return tuple(ORDERS)[turn_within(case)]


@dataclass(frozen=True, slots=True)
class Reordered:
    """Forwards and vjps in one of the orders.

    Parameters
    ----------
    order
        Such as ``"f1 f2 v2 v1"``.
    runs
        What each forward and its vjp gave, in the order of the vjps.
    changed
        The operands of the first forward that hold something else before its vjp.
    """

    order: str
    runs: Mapping[str, Run]
    changed: tuple[str, ...]


def reorder(
    subject: Subject,
    case: Case,
    arrays: Arrays,
    others: Arrays,
    *,
    order: str,
    params: Mapping[str, Any],
) -> Reordered:
    """Make the calls of an order."""
    ours = hand(case, arrays)
    forwards, runs = {}, {}
    changed: tuple[str, ...] = ()
    for call in order.split():
        number = call[1:]
        if call.startswith("f"):
            handed = ours if number == "1" else hand(case, others, layouts={})
            forwards[number] = handed, call_forward(subject, case, handed.operands, params=params)
            changed = _changed(ours, arrays)
        else:
            handed, forward = forwards[number]
            failed = Run(handed, forward, None, {}, {})
            is_right = forward.returned and is_pair(forward.value)
            runs[number] = run_vjp(subject, case, handed, forward) if is_right else failed
    return Reordered(order, runs, changed)


def _changed(handed: Handed, arrays: Arrays) -> tuple[str, ...]:
    return tuple(
        name
        for name, array in arrays.operands.items()
        if not np.array_equal(handed.operands[name], array, equal_nan=True)
    )


def repeat_vjp(
    subject: Subject, case: Case, arrays: Arrays, others: Arrays, *, params: Mapping[str, Any]
) -> tuple[Run, Run] | None:
    """Two vjps of one forward, the first of another cotangent; ``None`` where the forward fails.

    The same cotangent twice would not show a vjp that gives what it has given before.
    """
    handed = hand(case, arrays)
    forward = call_forward(subject, case, handed.operands, params=params)
    if not forward.returned or not is_pair(forward.value):
        return None
    before = Handed(handed.operands, lay_out(others.y_bar, C_ORDER))
    return (
        run_vjp(subject, case, before, forward),
        run_vjp(subject, case, handed, forward),
    )


def renew(
    subject: Subject, case: Case, handed: Handed, arrays: Arrays, *, params: Mapping[str, Any]
) -> Run:
    """A run on these numbers, written into the arrays that a run on others was handed.

    An optimizer leaves the weights so, step by step.
    """
    for name, array in handed.operands.items():
        np.copyto(array, arrays.operands[name])
    np.copyto(handed.y_bar, arrays.y_bar)
    return run(subject, case, handed, params=params)
