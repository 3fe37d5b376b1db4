"""Small copies of the layers of the named sets: the same windows, on less of the same kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import gcd
from typing import Any

from bpcheck.operations.base import Operation
from bpcheck.operations.windowed import layers, sizes
from bpcheck.operations.windowed.dimensions import LETTERS

#: A size keeps its residue modulo the first of these with which the layer is small enough: what
#: vectors, tiles and unrolled loops of most kernels see.
_MODULI = (8, 4, 2)

#: Multiplications of a copy, if a modulus has so few.
_ENOUGH = 16_384


def shrunken_layers(operation: Operation, rank: int) -> tuple[Any, ...]:
    """Geometries like each distinct layer of all sets; those that are then alike come once.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv3d = operation_named("conv3d")
    >>> [geometry.out for geometry in shrunken_layers(conv3d, 3)]
    [(2, 2, 2), (4, 4, 4), (4, 4, 4)]
    """
    texts = dict.fromkeys(
        text for name in layers.layer_sets() for text in layers.layers(name, operation.name)
    )
    found: list[Any] = []
    for text in texts:
        numbers = {key: int(number) for key, number in re.findall(r"([a-z]+)(\d+)", text)}
        copies = [operation.geometry(_copy(numbers, LETTERS[rank], each)) for each in _MODULI]
        small = (each for each in copies if operation.multiplications(each) <= _ENOUGH)
        copy = next(small, copies[-1])
        if copy not in found:
            found.append(copy)
    return tuple(found)


def _copy(numbers: Mapping[str, int], letters: str, modulus: int) -> dict[str, int]:
    return {**numbers, **_channels(numbers, modulus), **_extents(numbers, letters, modulus)}


def _extents(numbers: Mapping[str, int], letters: str, modulus: int) -> dict[str, int]:
    """Every tap of a window reads a cell somewhere, as in the layer itself."""
    extents = {}
    for letter in letters:
        window = sizes.window_of(numbers, letter, same=False, ceil=False)
        extents[f"i{letter}"] = _shrunken(numbers[f"i{letter}"], sizes.least_input(window), modulus)
    return extents


def _channels(numbers: Mapping[str, int], modulus: int) -> dict[str, int]:
    """Channels in the same relation: kept, doubled, one output or several for each input."""
    ic, oc = numbers["ic"], numbers.get("oc")
    if oc is None:
        return {"ic": _shrunken(ic, 1, modulus)}
    if "g" in numbers:
        # Depthwise, as all groups of the sets are: two channels at least, or it were none.
        groups = _shrunken(numbers["g"], 2, modulus)
        return {"g": groups, "ic": groups, "oc": groups * (oc // ic)}
    common = gcd(ic, oc)
    # In lowest terms, but even where both are.
    times = 2 if common % 2 == 0 else 1
    own, out = ic // common * times, oc // common * times
    return {
        "ic": min(own, _shrunken(ic, 1, modulus)),
        "oc": min(out, _shrunken(oc, 1, modulus)),
    }


def _shrunken(size: int, least: int, modulus: int) -> int:
    """The smallest size from `least` on with the same residue, and not more than it was."""
    return min(size, least + (size - least) % modulus)
