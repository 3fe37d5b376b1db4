"""How large the numbers of a case may be, wherever they are read: one limit for all."""

from __future__ import annotations

from math import prod
from typing import Any

from bpcheck.errors import CaseError
from bpcheck.operations import Operation

#: No array has more cells in one dimension than a number of so many digits can say, and no machine
#: checks as many cases.
DIGITS = 12

#: Seeds that may be given; those of a run's cases are counted up from there.
MOST_SEED = 2**64

#: The seeds of the cases of a plan count up from its own seed times this.
SEEDS_APART = 1_000_003

#: Cells of an array; more fill the memory of any machine that this runs on.
MOST_CELLS = 2**40


def number_in(key: str, digits: str, *, text: str, position: int) -> int:
    """The number that stands behind a key.

    Raises
    ------
    CaseError
        If it has too many digits.
    """
    if len(digits) > DIGITS:
        raise CaseError(
            f"{key}: a number of {len(digits)} digits; at most {DIGITS} are allowed",
            text=text,
            position=position,
        )
    return int(digits)


def require_cells(operation: Operation, geometry: Any, *, text: str, position: int) -> None:
    """Raise `CaseError` for arrays that no machine holds."""
    shapes = {**operation.operand_shapes(geometry), "y": operation.output_shape(geometry)}
    for name, shape in shapes.items():
        if prod(shape) > MOST_CELLS:
            raise CaseError(
                f"{name} would have {prod(shape)} cells; at most {MOST_CELLS} can be checked",
                text=text,
                position=position,
            )
