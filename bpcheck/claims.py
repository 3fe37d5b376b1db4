"""What the author of a subject claims of it: one type, and one vocabulary for every door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

#: The dtypes a subject is taken to claim when it does not say.
DEFAULT_DTYPES = ("float64", "float32")

#: Tells from the params and the operands' shapes whether the subject claims a case.
Supports = Callable[[dict[str, Any], dict[str, tuple[int, ...]]], bool]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a subject claims; the defaults are what everybody is taken to claim.

    Parameters
    ----------
    dtypes
        The dtypes that it takes, by NumPy name.
    operations
        Names of the operations that it computes; none: the one that it is checked as.
    supports
        Tells from the params and the operands' shapes whether it claims a case; ``None`` claims
        all. It must not depend on anything else.
    exact
        Whether every result is a direct sum of products, as opposed to a fast transform (Winograd,
        FFT) whose intermediate values are rounded. A subject that is not exact is held to the
        derived bound on real data only.
    constant
        For a subject that is not exact: how many times the bound of the direct sum its rounding may
        reach, anywhere in the array. It follows from the transform, not from measurements: the
        product of the norms of its matrices, for Winograd.
    torch_ties
        Whether it claims torch's convention where a maximum has several winners (the first in
        raster order, and the last NaN). Without the claim another valid choice is a note.
    accumulates
        NumPy's name of the dtype in which it claims to add up operands of a narrower one, such as
        ``"float32"``: its results are then held to one rounding of their own dtype. ``None`` claims
        no more than the operands' dtype.
    single_use
        Whether it claims that residuals serve one vjp only. Without the claim, a second vjp of the
        same forward gives the same bits, or raises.

    Examples
    --------
    >>> Claims(dtypes=("float32",)).accumulates is None
    True
    """

    dtypes: tuple[str, ...] = DEFAULT_DTYPES
    operations: tuple[str, ...] = ()
    supports: Supports | None = None
    exact: bool = True
    constant: float = 1.0
    torch_ties: bool = False
    accumulates: str | None = None
    single_use: bool = False


class ClaimWords(TypedDict, total=False):
    """The claims as keywords of `bpcheck.Subject`."""

    dtypes: tuple[str, ...]
    operations: tuple[str, ...]
    supports: Supports | None
    exact: bool
    constant: float
    torch_ties: bool
    accumulates: str | None
    single_use: bool
