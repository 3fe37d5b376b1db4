"""Numbers as they stand in arithmetic: as they are where few digits tell them, else rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence


def told(value: float) -> str:
    """A number as it is, where nine digits tell it, or to six digits behind ``≈``.

    >>> told(3.0), told(-0.5), told(123456789.0), told(1 / 3)
    ('3', '-0.5', '123456789', '≈0.333333')
    """
    value = float(value)
    if not math.isfinite(value):
        return f"{value}"
    if abs(value) < 2**53 and value == int(value):
        # What a sign says of a zero is nothing here.
        return str(int(value))
    whole = f"{value:.9g}"
    return whole if float(whole) == value else f"≈{value:.6g}"


def factor(value: float) -> str:
    """The same as a factor or a later term, a negative one in parentheses."""
    text = told(value)
    return f"({text})" if text.lstrip("≈").startswith("-") else text


def place(index: Sequence[int]) -> str:
    """``1`` or ``(0,1)``."""
    spelt = ",".join(str(int(each)) for each in index)
    return spelt if len(index) == 1 else f"({spelt})"
