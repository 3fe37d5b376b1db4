"""The order of each result's sums as a word, which a baseline keeps to say why errors grew."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence

from bpcheck.arithmetic import FORMATS
from bpcheck.cases import Case
from bpcheck.precision.ladder import Rung
from bpcheck.precision.probing import Probe, order_of
from bpcheck.subject import Subject

#: Sums of so many terms are probed: long enough for lanes and halves to show, and a tenth of a
#: second each.
LEAST, MOST = 16, 64

#: Seconds of a call from which hundreds of them are too many.
SLOW = 0.05

#: In narrower dtypes few units can be set at a time.
_DTYPES = ("float64", "float32")


def orders_of(subject: Subject, rungs: Sequence[Rung], dtypes: Sequence[str]) -> dict[str, str]:
    """The word for each result and dtype, such as ``{"w_bar f32": "pairwise"}``.

    What is no sum of numbers, or cannot be probed, has none.
    """
    found = {}
    longest = {
        each.result: each
        for each in sorted(rungs, key=lambda rung: rung.terms)
        if LEAST <= each.terms <= MOST
    }
    for result, rung in longest.items():
        for dtype in dtypes:
            if dtype not in _DTYPES:
                continue
            case = Case(subject.operation, rung.geometry, dtype=dtype)
            # It has been measured, so that what it raises here it raises for such large numbers.
            with contextlib.suppress(Exception):
                probe = Probe(subject, case, result)
                if _seconds(probe) <= SLOW:
                    found[f"{result} {FORMATS[dtype].short}"] = order_of(probe).word
    return found


def _seconds(probe: Probe) -> float:
    """What one call takes at best."""
    took = []
    for _ in range(2):
        began = time.perf_counter()
        probe.ask_nothing()
        took.append(time.perf_counter() - began)
    return min(took)


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What is added up in another order than before, in words.

    Examples
    --------
    >>> changed({"y f32": "pairwise", "y f64": "pairwise"}, {"y f32": "sequential"})
    ('y f32 was pairwise, is sequential',)
    """
    return tuple(
        f"{name} was {word}, is {now[name]}"
        for name, word in before.items()
        if now.get(name, word) != word
    )
