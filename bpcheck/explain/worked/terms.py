"""The terms of an element, a line each: where it comes from, the product, what it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bpcheck.explain.worked.look import Look
from bpcheck.explain.worked.numbers import factor, place, told
from bpcheck.operations.formed import Formed


def term_lines(look: Look, formed: Formed, room: int) -> Iterator[str]:
    """The terms in at most so many lines; those that are 0 are the first to be left out."""
    shares = formed.shares(look.arrays)
    count, alone = len(shares), len(formed.plus)
    room -= alone
    chosen = np.arange(count)
    if count > room:
        telling = np.argsort((shares == 0) & (np.arange(count) != formed.picked), kind="stable")
        chosen = np.sort(telling[: max(1, room - 1)])
    picked = [int(at) for at in chosen]
    rows = [(_label(look, formed, at), _product(look, formed, at, shares[at])) for at in picked]
    width = max(len(label) for label, _ in rows)
    yield from (f"{label:{width}}  {line}".strip() for label, line in rows)
    rest = np.delete(shares, chosen)
    if len(rest):
        yield f"and {len(rest):,} more, {_together(formed, rest)}"
    for name, index in formed.plus:
        value = told(float(look.arrays[name][index]))
        yield f"and {look.element(name, index)} = {value}, which is added"


def _together(formed: Formed, rest: np.ndarray) -> str:
    if formed.picked is not None:
        return f"the largest of them {told(float(rest.max()))}"
    if not np.any(rest):
        return "each of them 0"
    return f"which come to {told(float(rest.sum()))}"


def _label(look: Look, formed: Formed, at: int) -> str:
    """``window 0 as its cell 1``; what is the same of all terms is left out."""
    parts = []
    for name, numbers in formed.groups.items():
        if name == "as its cell":
            parts.append(f" as its cell {place(numbers[at])}")
        elif name == "y":
            parts.append(look.element("y", numbers[at]))
        elif name in ("window", "cell") or (numbers != numbers[0]).any():
            parts.append(f"{', ' if parts else ''}{name} {place(numbers[at])}")
    return "".join(parts) + ":"


def _product(look: Look, formed: Formed, at: int, share: float) -> str:
    """``w[0,0,1] · y_bar[0,0,0] = 3 · 1 = 3``."""
    note = formed.notes.get(at, "")
    if not formed.counts[at]:
        return note
    names = [(name, tuple(int(i) for i in rows[at])) for name, rows in formed.factors.items()]
    letters = " · ".join(look.element(name, index) for name, index in names)
    values = [float(look.arrays[name][index]) for name, index in names]
    if formed.slopes is not None:
        slope = float(formed.slopes[at])
        letters, values = f"by {told(slope)} for each 1, times {letters}", [slope, *values]
    text = _with_result(letters, _spelt(values))
    divisor = 1.0 if formed.divisors is None else float(formed.divisors[at])
    if divisor != 1:
        text = _with_result(f"{letters} / {told(divisor)}", f"{_spelt(values)} / {told(divisor)}")
    if len(values) > 1 or divisor != 1:
        text = _with_result(text, told(share))
    if formed.picked is not None:
        note = "the largest" if at == formed.picked else ""
    return f"{text}  ({note})" if note else text


def _spelt(values: Sequence[float]) -> str:
    return " · ".join([told(values[0]), *map(factor, values[1:])])


def _with_result(text: str, value: str) -> str:
    """``text = value``, or ``text ≈ value`` where any of it is rounded, said once."""
    return f"{text} {'≈' if '≈' in value else '='} {value.replace('≈', '')}"
