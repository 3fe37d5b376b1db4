"""Residues: what a size is modulo the numbers that tiles, lanes and blocks have."""

from __future__ import annotations

from functools import cache

#: Widths of vectors and sides of tiles, in elements.
MODULI = (2, 4, 8, 16, 32, 64)

#: Sizes that have all the residues among them.
SIZES = (1, 2, 4, 8, 16, 32, 63, 64)


@cache
def residue_names(factor: str) -> tuple[str, ...]:
    """Names of all residue classes of a size: 0, 1, one half and -1 modulo each number.

    Examples
    --------
    >>> residue_names("width")[:4], len(residue_names("width"))
    (('width 0 mod 2', 'width 1 mod 2', 'width 0 mod 4', 'width 1 mod 4'), 22)
    """
    return tuple(f"{factor} {rest} mod {modulus}" for modulus in MODULI for rest in _rests(modulus))


@cache
def residues_of(factor: str, number: int) -> frozenset[str]:
    """Names of the residue classes that a size belongs to.

    Examples
    --------
    >>> sorted(residues_of("width", 12))
    ['width 0 mod 2', 'width 0 mod 4', 'width 4 mod 8']
    """
    return frozenset(
        f"{factor} {number % modulus} mod {modulus}"
        for modulus in MODULI
        if number % modulus in _rests(modulus)
    )


@cache
def modulus_of(name: str) -> int | None:
    """The modulus of a residue class; ``None`` for the name of any other class.

    >>> modulus_of("width 1 mod 8"), modulus_of("channels doubled")
    (8, None)
    """
    _, mod, modulus = name.rpartition(" mod ")
    return int(modulus) if mod else None


def _rests(modulus: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys((0, 1, modulus // 2, modulus - 1)))
