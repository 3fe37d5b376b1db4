"""The ends of the range: NaN, infinities, subnormal numbers and numbers just below the overflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import floor, log2, trunc

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases.case import Case
from bpcheck.cases.repeats import REPEATING
from bpcheck.filling.lattice import Arrays, lattice_is_kinked, lattice_of
from bpcheck.filling.tied import has_output_for_cotangent, places, tenants, tied

#: Operands up to which powers are sought for all of them.
MOST_NAMES = 6


def special_terms(case: Case, drawn: Arrays, rng: np.random.Generator) -> Arrays:
    """A few NaN and infinities in one array, in about half of its samples, filters or channels.

    `drawn` is exact. Numbers that lie in one cell of memory are one: it is drawn once.
    """
    drawn = tied(replace(case, values="exact"), drawn)
    arrays = {**drawn.operands, "y_bar": drawn.y_bar}
    if lattice_is_kinked(case):
        arrays = _special_where_one_wins(case, arrays, rng)
    else:
        names = [name for name in arrays if name != "y_bar" or not has_output_for_cotangent(case)]
        name = str(rng.choice(names))
        if name in tenants(case):
            # It owns the memory that the others look at.
            name = max(tenants(case), key=lambda each: arrays[each].size)
        arrays[name] = _mixed(case, name, arrays[name], rng)
    y_bar = arrays.pop("y_bar")
    mixed = replace(drawn, operands=arrays, y_bar=y_bar, steps=dict.fromkeys(arrays, 0))
    return tied(case, mixed)


def _special_where_one_wins(
    case: Case, arrays: Mapping[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """Special cotangents, and one special value of ``x`` at most: of two, either may be sent it."""
    if not has_output_for_cotangent(case):
        return {**arrays, "y_bar": _mixed(case, "y_bar", arrays["y_bar"], rng)}
    x = arrays["x"].copy()
    if x.size and case.layouts.get("x") not in REPEATING:
        x.flat[rng.integers(x.size)] = rng.choice([np.nan, np.inf])
    return {**arrays, "x": x}


def _mixed(case: Case, name: str, array: Array, rng: np.random.Generator) -> Array:
    """The array with some of its cells of memory made special: one at least, if it has any."""
    own = places(case, name, array.shape).ravel() == np.arange(array.size)
    cells = np.flatnonzero(own)
    picked = rng.integers(1 + array.size // 8, size=array.shape) == 0
    picked[rng.integers(2, size=array.shape[:1]) == 0] = False
    picked &= own.reshape(array.shape)
    if cells.size and not picked.any():
        picked.flat[rng.choice(cells)] = True
    mixed = array.astype(np.float64)
    mixed[picked] = rng.choice([np.nan, np.inf, -np.inf], size=mixed.shape)[picked]
    return mixed.astype(array.dtype)


def tiny_unit(case: Case) -> float:
    """With it the lattice unit becomes the smallest number there is."""
    return FORMATS[case.dtype].tiniest


def smallest_normal(case: Case) -> float:
    """With it the lattice unit becomes the smallest number that is not subnormal."""
    form = FORMATS[case.dtype]
    return form.tiniest * 2.0 ** (form.bits - 1)


def huge_unit(case: Case) -> float:
    """With it the largest sum of the lattice comes to lie just below the largest number."""
    form = FORMATS[case.dtype]
    return 2.0 ** (floor(log2(form.largest)) - form.bits - 1)


def scaled(case: Case, drawn: Arrays, unit: float, rng: np.random.Generator) -> Arrays:
    """`drawn`, which is exact, with some arrays times powers of two: the results then reach `unit`.

    By turns it is the cotangent, or an operand with what else is added to the sums it enters.
    """
    drawn = tied(replace(case, values="exact"), drawn)
    arrays = {**drawn.operands, "y_bar": drawn.y_bar}
    names = [name for name in arrays if name != "y_bar" or not has_output_for_cotangent(case)]
    powers = _powers(case, str(rng.choice(names)))
    products = lattice_of(case).products
    most = max(sum(powers.get(name, 0) for name in each.factors) for each in products)
    base = 2.0 ** trunc(log2(unit) / max(1, most))
    dtype = FORMATS[case.dtype].dtype
    arrays = {
        name: (array.astype(np.float64) * base ** powers.get(name, 0)).astype(dtype)
        for name, array in arrays.items()
    }
    y_bar = arrays.pop("y_bar")
    return replace(drawn, operands=arrays, y_bar=y_bar, steps=dict.fromkeys(arrays, 0))


def _powers(case: Case, chosen: str) -> dict[str, int]:
    """How often each array is scaled, so that all terms of each sum are scaled alike."""
    if chosen == "y_bar":
        return {"y_bar": 1}
    together = tenants(case)
    alike = together if chosen in together else (chosen,)
    powers = dict.fromkeys(alike, 1)
    sums = [each.factors for each in lattice_of(case).products if each.result == "y"]
    reached = max(sum(powers.get(name, 0) for name in factors) for factors in sums)
    for factors in sums:
        lack = reached - sum(powers.get(name, 0) for name in factors)
        # What lies in one memory cannot be scaled apart.
        free = [name for name in factors if name not in (*alike, *together)]
        if lack and not free:
            return {} if has_output_for_cotangent(case) else {"y_bar": 1}
        if lack:
            powers[free[0]] = powers.get(free[0], 0) + lack
    if any(sum(powers.get(name, 0) for name in factors) != reached for factors in sums):
        # An operand that enters several sums of one result was scaled for one of them.
        powers, reached = _alike(case, alike, sums)
    if not powers:
        return {} if has_output_for_cotangent(case) else {"y_bar": 1}
    return {**powers, "y_bar": reached} if has_output_for_cotangent(case) else powers


def _alike(
    case: Case, chosen: Sequence[str], sums: Sequence[tuple[str, ...]]
) -> tuple[dict[str, int], int]:
    """The least powers, up to 2, of which all `sums` have as many; none where there are none."""
    names = [name for name in case.operand_shapes if name not in chosen]
    if len(names) > MOST_NAMES:
        return {}, 0
    for others in sorted(product(range(3), repeat=len(names)), key=sum):
        powers = {**dict(zip(names, others, strict=True)), **dict.fromkeys(chosen, 1)}
        reached = {sum(powers[name] for name in factors) for factors in sums}
        shared = {powers[name] for name in tenants(case)}
        if len(reached) == 1 and len(shared) < 2:
            return powers, reached.pop()
    return {}, 0
