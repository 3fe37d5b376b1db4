"""Tied numbers: a layout may ask that elements, operands, or output and cotangent hold the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from bpcheck.arithmetic import FORMATS, Array, Format
from bpcheck.cases.case import Case
from bpcheck.cases.layouts import ONE_MEMORY, OUTPUT, in_one_memory
from bpcheck.cases.repeats import REPEATING, repeated, sources
from bpcheck.filling.lattice import Arrays, lattice_is_kinked, lattice_of
from bpcheck.operations.promises import Shape
from bpcheck.operations.torch_vjp import few_threads

#: Value kinds whose sums must stay exact once numbers are tied.
EXACT = ("exact", "small", "wide", "ties", "negative", "sparse", "jacobian")

#: Magnitudes that are tried one after the other where tied numbers make sums too large.
SMALLER = (2**20, 2**12, 256, 16, 4, 1)


def tied(case: Case, arrays: Arrays) -> Arrays:
    """The same, with equal numbers wherever the layouts of the case put them into one place.

    Sums of tied numbers may not fit the lattice any more: then smaller numbers are taken, and zeros
    where even the smallest do not fit.
    """
    if not is_tied(case):
        return arrays
    wanted = _untied(arrays)
    drawn = _with(case, arrays, _tie(case, wanted))
    if case.values not in EXACT or case.lattice is None:
        return drawn
    if case.operation.divides and not has_output_for_cotangent(case):
        # Quotients may round, as they do where numbers are not tied.
        return drawn
    found = (_with(case, arrays, _tie(case, each)) for each in _candidates(case, arrays, wanted))
    return next((each for each in found if fits(case, each)), drawn)


def is_tied(case: Case) -> bool:
    """Whether some layout of the case puts several numbers into one place."""
    return any(layout in (*REPEATING, ONE_MEMORY, OUTPUT) for layout in case.layouts.values())


def has_output_for_cotangent(case: Case) -> bool:
    """Whether the cotangent is the output itself."""
    return case.layouts.get("y_bar") == OUTPUT


def tenants(case: Case) -> tuple[str, ...]:
    """The operands that lie in one memory; none if there are not two of them."""
    present = case.operand_shapes
    found = tuple(name for name in present if case.layouts.get(name) == ONE_MEMORY)
    return found if len(found) > 1 else ()


def places(case: Case, name: str, shape: Shape) -> Array:
    """For each element of an array the flat index of the first one in the same cell of memory."""
    layout = case.layouts.get(name, "")
    size = prod(shape)
    if layout in REPEATING and size and shape:
        return sources(shape, layout)
    return np.arange(size).reshape(shape)


def output_of(case: Case, operands: Mapping[str, Array]) -> Array:
    """``y`` of these operands in float64, rounded once to the dtype of the case."""
    import torch

    wide = {name: np.array(array, np.float64) for name, array in operands.items()}
    tensors = {name: torch.from_numpy(array) for name, array in wide.items()}
    with few_threads(wide), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = case.operation.torch_forward(tensors, case.params).numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(y, FORMATS[case.dtype].dtype)


def fits(case: Case, arrays: Arrays) -> bool:
    """Whether all sums of these numbers are exact, those of a forward with steps among them."""
    form, every = FORMATS[case.dtype], _untied(arrays)
    limit, terms = min(2.0**form.bits, form.largest), case.terms
    if lattice_is_kinked(case):
        # Who compares only adds cotangents up.
        return bool(terms["x_bar"] * np.abs(every["y_bar"]).max(initial=0) <= limit)
    if case.operation.divides:
        # What a window adds up before it divides.
        limit /= max(terms.values())
    stepped = list(_stepped(case, arrays, every))
    if not case.operation.divides and all(_surely_fit(case, each, limit) for each in stepped):
        return True
    sums = case.operation.absolute_sums(every, case.params)
    return all(
        bool((values <= limit).all()) for name, values in sums.items() if name != "y"
    ) and all(
        bool((case.operation.absolute_sums(moved, case.params)["y"] <= limit).all())
        for moved in stepped
    )


def _surely_fit(case: Case, moved: Mapping[str, Array], limit: float) -> bool:
    """Whether the longest sums of the largest numbers would fit: nearly always, and soon known."""
    lattice = lattice_of(case)
    largest = {name: float(np.abs(array).max(initial=0)) for name, array in moved.items()}
    sums: dict[str, float] = {}
    for product in lattice.products:
        found = product.terms * prod(largest[factor] for factor in product.factors)
        sums[product.result] = sums.get(product.result, 0.0) + found
    return all(total <= limit for total in sums.values())


def _stepped(case: Case, arrays: Arrays, every: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """Magnitudes that the operands reach when finite differences move them."""
    moved = {}
    for name, step in arrays.steps.items():
        moved[name] = np.abs(every[name]) + step * arrays.units.get(name, 1)
        if name in arrays.fixed:
            moved[name] = np.where(arrays.fixed[name], 0, moved[name])
    together = [name for name in case.operation.linear_together if name in moved]
    yield {**every, **{name: moved[name] for name in together}}
    yield from ({**every, name: moved[name]} for name in moved if name not in together)


def _untied(arrays: Arrays) -> dict[str, Array]:
    every = {**arrays.operands, "y_bar": arrays.y_bar}
    return {name: np.asarray(array, np.float64) for name, array in every.items()}


def _candidates(case: Case, arrays: Arrays, wanted: dict[str, Array]) -> Iterator[dict[str, Array]]:
    """The numbers as they are, ever smaller ones, and zeros."""
    units = {**dict.fromkeys(wanted, 1), **arrays.units}
    if case.operation.divides:
        # The quotient is divided once more on its way back.
        wanted = {name: array * units[name] for name, array in wanted.items()}
        units = {name: unit * unit for name, unit in units.items()}
    summed = set(wanted)
    if lattice_is_kinked(case) and not has_output_for_cotangent(case):
        summed -= {"x"}

    def smaller(most: int) -> dict[str, Array]:
        return {
            name: _folded(array, most, units[name]) if name in summed else array
            for name, array in wanted.items()
        }

    yield wanted
    yield from (smaller(most) for most in SMALLER)
    if case.operation.divides:
        return
    for name in sorted(_named_by_layouts(case) & summed):
        wanted = {**wanted, name: np.zeros_like(wanted[name])}
        yield smaller(1)
    yield {name: np.zeros_like(array) for name, array in wanted.items()}


def _named_by_layouts(case: Case) -> set[str]:
    """The arrays whose numbers are tied."""
    return {
        name
        for name, layout in case.layouts.items()
        if layout in REPEATING or name in tenants(case)
    }


def _folded(array: Array, most: int, unit: int) -> Array:
    """Magnitudes brought below `most` by remainders: zeros stay, and so do signs."""
    whole = np.abs(array) / unit
    return np.where(array == 0, 0.0, np.sign(array) * (1 + (whole - 1) % most) * unit)


def _tie(case: Case, every: Mapping[str, Array]) -> dict[str, Array]:
    """The numbers that the layouts can hold, in float64."""
    made = {name: repeated(a, case.layouts.get(name, "")) for name, a in every.items()}
    names = tenants(case)
    made |= in_one_memory({name: made[name] for name in names})
    if has_output_for_cotangent(case):
        operands = {name: array for name, array in made.items() if name != "y_bar"}
        output = np.asarray(output_of(case, operands), np.float64)
        # Where the reference has no number, as for a mean of nothing, nobody sends one back.
        made["y_bar"] = output if case.is_exact else np.where(np.isfinite(output), output, 0.0)
    return made


def _with(case: Case, arrays: Arrays, made: Mapping[str, Array]) -> Arrays:
    """`arrays` with these numbers, and what follows for steps and survival."""
    form = FORMATS[case.dtype]
    cast = {name: _cast(array, form) for name, array in made.items()}
    y_bar = cast.pop("y_bar")
    # Equal numbers leave a maximum without a single winner, and a cotangent without randomness.
    steps = {
        name: step and _step(case, arrays, name, made[name]) for name, step in arrays.steps.items()
    }
    is_drawn = np.array_equal(y_bar, arrays.y_bar, equal_nan=True)
    # Where numbers had to stay 0 to keep sums short, those that are 0 now have to as well.
    fixed = {name: cast[name] == 0 for name in arrays.fixed}
    return replace(
        arrays,
        operands=cast,
        y_bar=y_bar,
        steps=steps,
        fixed=fixed,
        survival=arrays.survival if is_drawn else 1.0,
    )


def _step(case: Case, arrays: Arrays, name: str, made: Array) -> int:
    """The largest step that an operand with these numbers tolerates."""
    if lattice_is_kinked(case) and not _keeps_winners(case, arrays, name, made):
        return 0
    largest = int(np.abs(made).max(initial=0)) // arrays.units.get(name, 1)
    return min(arrays.steps[name], max(1, largest))


def _keeps_winners(case: Case, arrays: Arrays, name: str, made: Array) -> bool:
    """Whether whole planes repeat at most, so that values of a window differ as they did."""
    kept = places(case, name, made.shape)
    plane = prod(made.shape[2:])
    within = np.arange(made.size).reshape(made.shape) % max(1, plane)
    was = np.asarray(arrays.operands[name], np.float64)
    return bool((kept % max(1, plane) == within).all()) and np.array_equal(
        made, was.ravel()[kept] if made.size else was
    )


def _cast(array: Array, form: Format) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(form.dtype)
