"""The numbers of one result in the smallest case, for whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass

#: Elements of which the numbers are kept; a picture of more shows nothing.
MOST = 4_096


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was got for one result, and what autograd has, element by element in C order.

    Attributes
    ----------
    result, shape
        The result, and its shape.
    got, expected
        Its numbers, and autograd's.
    """

    result: str
    shape: tuple[int, ...]
    got: tuple[float, ...]
    expected: tuple[float, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """What was got less what was expected; 0 where both are the same, NaN and infinite too."""
        pairs = zip(self.got, self.expected, strict=True)
        return tuple(0.0 if _same(got, other) else got - other for got, other in pairs)


def _same(got: float, expected: float) -> bool:
    return got == expected or (got != got and expected != expected)  # noqa: PLR0124 - NaN alone
