"""The claims of a subject as a value, and how one is made of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypedDict

from bpcheck.claims.readers import READERS, Reader
from bpcheck.errors import ClaimError


class UsualDtypes(tuple[str, ...]):
    """The dtypes of a subject of which nobody has named any."""

    __slots__ = ()


#: The dtypes a subject is taken to claim when it does not say.
DEFAULT_DTYPES: tuple[str, ...] = UsualDtypes(("float64", "float32"))

#: Tells from the params and the operands' shapes whether the subject claims a case.
Supports = Callable[[dict[str, Any], dict[str, tuple[int, ...]]], bool]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a subject claims; the defaults are what everybody is taken to claim.

    Parameters
    ----------
    dtypes
        The dtypes that it takes: names, NumPy's or torch's dtypes; kept as NumPy names. Where
        they are named, results have the dtype of their operands; else a wider one is a note.
    operations
        Names of the operations that it computes; none: the one that it is checked as.
    supports
        Tells from the params and the operands' shapes whether it claims a case; ``None`` claims
        all. It must not depend on anything else.
    exact
        Whether every result is a direct sum of products, as opposed to a fast transform (Winograd,
        FFT, an integral image) whose intermediate values are rounded. A subject that is not exact
        is held to the bound of its `norm`.
    norm
        For a subject that is not exact: the norm of the operands that its rounding is in proportion
        to, as `bpcheck.checks.transforms` has it: ``"2-norm"`` for FFT, ``"1-norm"`` for integral
        images and running sums, ``"max-norm"`` for Winograd and Strassen.
    constant
        For a subject that is not exact: how many times that bound its rounding may reach. It
        follows from the transform, not from measurements: for Winograd, from the norms of its
        matrices.
    torch_ties
        Whether it claims torch's convention where a maximum has several winners (the first in
        raster order, and the last NaN). Without the claim another valid choice is a note.
    accumulates
        The dtype in which it claims to add up operands of a narrower one, such as ``"float32"``:
        its results are then held to one rounding of their own dtype. ``None`` claims what the
        operation asks of everybody.
    refuses
        Exception types, or their names, by which forward or vjp refuses a case, as it may by
        `NotImplementedError`: such a case is not claimed, instead of one that raises.
    single_use
        Whether the residuals of one forward serve a single vjp only.
    empty
        Whether it takes batches without any sample.
    layouts
        Names of the memory layouts that it takes, C order always among them; ``None``: all.
    nan
        Whether it is right where operands or cotangent hold NaN or infinities. ``True`` claims
        torch's convention as well, where a maximum may have several; ``None`` leaves it a note.
    subnormals
        Whether it is right where they, or results, are subnormal. What flushes them to 0 is a note
        by ``None``, and a defect by ``True``.
    deterministic
        Whether two runs of one case give the same bits. Without the claim they may differ by what
        another order of summation explains, which is a note.
    batch_invariant
        Whether the bits of a sample do not depend on the batch it is in.
    square_kernels
        Whether it takes kernels of equal sides only.
    equal_strides
        Whether it takes one stride for all dimensions only.
    dilation
        Whether it takes a dilation above 1.
    needs_grad
        Of code on tensors: whether it is right where only some operands need a gradient.
    double_backward
        Whether its backward can be differentiated. ``True`` demands it; by ``None`` one that cannot
        be is told, and one that can be is to be right; by ``False`` nothing is asked.
    forward_mode
        The same of forward-mode derivatives.
    vmap
        The same of `torch.func.vmap`.
    compiled
        Whether it is right through `torch.compile`, which is asked where it is claimed alone.
    in_place
        Whether it notices that an operand was changed in place before its backward.

    Raises
    ------
    ClaimError
        For a value that its claim cannot have.

    Examples
    --------
    >>> Claims(dtypes=("f32",), empty=False).dtypes
    ('float32',)
    """

    dtypes: tuple[str, ...] = DEFAULT_DTYPES
    operations: tuple[str, ...] = ()
    supports: Supports | None = None
    exact: bool = True
    norm: str = "2-norm"
    constant: float = 1.0
    torch_ties: bool = False
    accumulates: str | None = None
    refuses: tuple[type[Exception] | str, ...] = ()
    single_use: bool = False
    empty: bool = True
    layouts: tuple[str, ...] | None = None
    nan: bool | None = None
    subnormals: bool | None = None
    deterministic: bool = False
    batch_invariant: bool = False
    square_kernels: bool = False
    equal_strides: bool = False
    dilation: bool = True
    needs_grad: bool = True
    double_backward: bool | None = None
    forward_mode: bool | None = None
    vmap: bool | None = None
    compiled: bool = False
    in_place: bool = True

    def __post_init__(self) -> None:
        for word, read in READERS.items():
            value = getattr(self, word)
            if not isinstance(value, UsualDtypes):
                object.__setattr__(self, word, read(word, value))

    @property
    def names_dtypes(self) -> bool:
        """Whether somebody has named the dtypes that it takes."""
        return not isinstance(self.dtypes, UsualDtypes)


class ClaimWords(TypedDict, total=False):
    """The claims as keywords of `bpcheck.Subject`."""

    dtypes: tuple[str, ...]
    operations: tuple[str, ...]
    supports: Supports | None
    exact: bool
    norm: str
    constant: float
    torch_ties: bool
    accumulates: str | None
    refuses: tuple[type[Exception] | str, ...]
    single_use: bool
    empty: bool
    layouts: tuple[str, ...] | None
    nan: bool | None
    subnormals: bool | None
    deterministic: bool
    batch_invariant: bool
    square_kernels: bool
    equal_strides: bool
    dilation: bool
    needs_grad: bool
    double_backward: bool | None
    forward_mode: bool | None
    vmap: bool | None
    compiled: bool
    in_place: bool


def claims_from(
    words: Mapping[str, Any],
    *,
    origin: str,
    base: Claims | None = None,
    spelled: Callable[[str], str] = str,
) -> Claims:
    """The claims that these words make of `base`: what every door leads to.

    Parameters
    ----------
    words
        Claims by name.
    origin
        Whose they are, for messages.
    base
        What holds where the words say nothing; by default what everybody is taken to claim.
    spelled
        How a word is written where it was found.

    Raises
    ------
    ClaimError
        For a word that is no claim, or a value that it cannot have.

    Examples
    --------
    >>> claims_from({"empty": False}, origin="layers").empty
    False
    >>> claims_from({"emtpy": False}, origin="layers")
    Traceback (most recent call last):
        ...
    bpcheck.errors.ClaimError: layers: 'emtpy' is no claim; did you mean empty?
    """
    try:
        read = {word: _read(word, value, spelled) for word, value in words.items()}
        return replace(Claims() if base is None else base, **read)
    except ClaimError as error:
        raise ClaimError(f"{origin}: {error}") from None


def _read(word: str, value: Any, spelled: Callable[[str], str]) -> Any:
    if isinstance(value, UsualDtypes):
        return value
    return _reader(word, spelled)(spelled(word), value)


def _reader(word: str, spelled: Callable[[str], str]) -> Reader:
    if word in READERS:
        return READERS[word]
    close = get_close_matches(str(word).lower(), READERS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(READERS)}"
    raise ClaimError(f"{word!r} is no claim; {hint}")
