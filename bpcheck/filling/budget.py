"""How large the integers of a case may be: every partial sum of it must be exact.

Integers up to ``2**p`` are exact in a format of `p` significand bits. A sum of ``n`` products of
integers up to ``a`` and ``b`` never leaves them when ``n * a * b <= 2**p``, in any order and with
any accumulator at least as wide: the rule of oneDNN's benchdnn.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, prod

from bpcheck.arithmetic import Format
from bpcheck.operations.promises import Lattice


def spread(lattice: Lattice, form: Format, names: tuple[str, ...], *, cap: int) -> dict[str, int]:
    """Largest magnitudes, as equal as the products allow, for which every sum stays exact.

    Forwards are allowed for twice: a finite difference adds a step as large as the operand.
    """
    common = cap
    for product in lattice.products:
        limit = budget(product.result, form) / (product.terms * scale_of(lattice, product.factors))
        common = min(common, floor(limit ** (1 / len(product.factors))))
    magnitudes = dict.fromkeys(names, max(1, common))
    for name in ("y_bar", *(other for other in names if other != "y_bar")):
        magnitudes[name] = min(cap, room(lattice, form, magnitudes, name))
    return magnitudes


def room(lattice: Lattice, form: Format, magnitudes: Mapping[str, int], name: str) -> int:
    """How large `name` may grow while the other magnitudes stay."""
    limit = float(2**form.bits)
    for product in lattice.products:
        if name in product.factors:
            others = prod(magnitudes[factor] for factor in product.factors if factor != name)
            scale = scale_of(lattice, product.factors)
            limit = min(limit, budget(product.result, form) / (product.terms * others * scale))
    return max(1, floor(limit))


def budget(result: str, form: Format) -> int:
    """Integers up to ``2**p`` are exact; a forward keeps three quarters for steps and the bias."""
    return int(min(2 ** (form.bits - 2 if result == "y" else form.bits), form.largest))


def scale_of(lattice: Lattice, factors: tuple[str, ...]) -> int:
    """What every product of values of `factors` is a multiple of."""
    return prod(lattice.multiples.get(factor, 1) for factor in factors)


def is_exact(lattice: Lattice, form: Format, magnitudes: Mapping[str, int]) -> bool:
    """Whether every sum of products of values up to `magnitudes` is exact in `form`."""
    return all(
        product.terms
        * prod(magnitudes[factor] for factor in product.factors)
        * scale_of(lattice, product.factors)
        <= budget(product.result, form)
        for product in lattice.products
    )
