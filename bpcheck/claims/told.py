"""How reports call what a subject claims, and what it does not."""

from __future__ import annotations

from bpcheck.calls import name_of
from bpcheck.claims.claims import Claims
from bpcheck.claims.readers import LAYOUT_NAMES
from bpcheck.operations import Operation

#: What is left out by a claim of a single word.
NOUNS = {
    "empty": "empty batches",
    "nan": "NaN",
    "subnormals": "subnormals",
    "single_use": "a second vjp",
    "needs_grad": "gradients of some operands alone",
    "double_backward": "a double backward",
    "forward_mode": "forward mode",
    "vmap": "vmap",
    "in_place": "operands changed before the backward",
}


#: What everybody is taken to claim.
_USUAL = Claims()


def claimed(claims: Claims) -> tuple[str, ...]:
    """What is claimed beyond what everybody is taken to claim.

    Examples
    --------
    >>> claimed(Claims(torch_ties=True, accumulates="float32", refuses=(ValueError,)))
    ("torch's ties", 'sums in float32', 'to refuse by ValueError')
    """
    refusals = ", ".join(map(name_of, claims.refuses))
    found = (
        "torch's ties" if claims.torch_ties else "",
        f"sums in {claims.accumulates}" if claims.accumulates else "",
        "NaN as torch has it" if claims.nan else "",
        "subnormals" if claims.subnormals else "",
        "determinism" if claims.deterministic else "",
        "the same bits in every batch" if claims.batch_invariant else "",
        "a double backward" if claims.double_backward else "",
        "forward mode" if claims.forward_mode else "",
        "vmap" if claims.vmap else "",
        f"to refuse by {refusals}" if refusals else "",
    )
    return tuple(each for each in found if each)


def not_claimed(claims: Claims, operation: Operation) -> tuple[str, ...]:
    """What the claims leave out of what everybody is taken to claim.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> stated = Claims(nan=False, dilation=False, exact=False, constant=8)
    >>> not_claimed(stated, operation_named("conv2d"))
    ('NaN', 'exact sums (2-norm, constant 8)', 'dilation > 1')
    """
    found = [noun for word, noun in NOUNS.items() if is_left_out(claims, word)]
    found += [layouts_left_out(claims)] if layouts_left_out(claims) else []
    if not claims.exact:
        found.append(f"exact sums ({claims.norm}, constant {claims.constant:g})")
    words = restricted(claims, operation)
    return (*found, *(operation.restrictions[word].outside for word in words))


def is_left_out(claims: Claims, word: str) -> bool:
    """Whether a claim of a single word leaves out what it is about."""
    return bool(getattr(claims, word)) if word == "single_use" else getattr(claims, word) is False


def restricted(claims: Claims, operation: Operation) -> tuple[str, ...]:
    """The words of the claims that restrict the geometries of an operation."""
    return tuple(
        word for word in operation.restrictions if getattr(claims, word) != getattr(_USUAL, word)
    )


def layouts_left_out(claims: Claims) -> str:
    """The layouts that are not claimed, or all but those that are: whichever is shorter.

    Examples
    --------
    >>> layouts_left_out(Claims(layouts=("c-order", "fortran")))
    'layouts other than c-order and fortran'
    """
    if claims.layouts is None:
        return ""
    rest = [each for each in LAYOUT_NAMES if each not in claims.layouts]
    if len(rest) < len(claims.layouts):
        return f"{' and '.join(rest)} arrays" if rest else ""
    return f"layouts other than {' and '.join(claims.layouts)}"
