"""The arrays of a case: which kind of values each value kind asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import floor, log2

import numpy as np

from bpcheck.arithmetic import FORMATS, Array
from bpcheck.cases.case import Case
from bpcheck.cases.layouts import BROADCAST, repeated
from bpcheck.filling.budget import is_exact, room, spread
from bpcheck.filling.lattice import Arrays, array_shapes, draw, lattice_is_kinked, lattice_of

#: Largest magnitude drawn in `exact` mode: enough for a survival probability below 1e-3 a probe.
CAP = 1024

#: Largest magnitude in `small` mode.
SMALL = 4


def fill(case: Case) -> Arrays:
    """The arrays of a case, the same for the same case on every machine.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> arrays = fill(parse_case("conv1d n1ic1iw3oc1kw2 f32 exact c-order seed=1"))
    >>> arrays.operands["w"].shape, arrays.y_bar.dtype.name
    ((1, 1, 2), 'float32')
    """
    arrays = _FILLERS[case.values](case, np.random.default_rng(case.seed))
    arrays = _with_repeats(case, arrays)
    if case.one_hot is None:
        return arrays
    y_bar = np.zeros_like(arrays.y_bar)
    y_bar[case.one_hot] = 1
    return replace(arrays, y_bar=y_bar, survival=1.0)


def _with_repeats(case: Case, arrays: Arrays) -> Arrays:
    """The same, with repeated numbers where an array is to have strides of 0."""
    names = [name for name, layout in case.layouts.items() if layout == BROADCAST]
    if not names:
        return arrays
    operands = {
        name: repeated(array).copy() if name in names else array
        for name, array in arrays.operands.items()
    }
    y_bar = repeated(arrays.y_bar).copy() if "y_bar" in names else arrays.y_bar
    if not _fits(case, {**operands, "y_bar": y_bar}, names):
        # As many equal numbers have a sum that does not fit: that of zeros does.
        operands = {n: np.zeros_like(a) if n in names else a for n, a in operands.items()}
        y_bar = np.zeros_like(y_bar) if "y_bar" in names else y_bar
    # Equal numbers leave a maximum without a single winner, and a cotangent without randomness.
    kinked = {"x"} if lattice_is_kinked(case) else set()
    steps = {
        name: 0 if name in kinked & set(names) else step for name, step in arrays.steps.items()
    }
    survival = 1.0 if "y_bar" in names else arrays.survival
    return replace(arrays, operands=operands, y_bar=y_bar, steps=steps, survival=survival)


def _fits(case: Case, arrays: Mapping[str, Array], repeated_ones: Collection[str]) -> bool:
    """Whether sums of numbers as large as these are exact, however many of them there are.

    Thinning, which keeps few numbers besides zeros, does not survive repetition.
    """
    lattice = case.operation.lattice(case.geometry)
    if case.values not in ("exact", "small", "wide", "ties", "negative") or lattice is None:
        return True
    if case.operation.divides or lattice.distinct is not None:
        return True
    concerned = tuple(each for each in lattice.products if set(each.factors) & set(repeated_ones))
    largest = {
        name: int(np.abs(array.astype(np.float64)).max(initial=0)) for name, array in arrays.items()
    }
    return is_exact(replace(lattice, products=concerned), FORMATS[case.dtype], largest)


def _exact(case: Case, rng: np.random.Generator) -> Arrays:
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    return draw(case, lattice, spread(lattice, form, tuple(array_shapes(case)), cap=CAP), rng)


def _small(case: Case, rng: np.random.Generator) -> Arrays:
    # Numbers that a person can follow by hand; a search for the smallest case ends in them.
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    return draw(case, lattice, spread(lattice, form, tuple(array_shapes(case)), cap=SMALL), rng)


def _wide(case: Case, rng: np.random.Generator) -> Arrays:
    # One array, by turns, takes nearly all the significand bits; the others are signs.
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    names = tuple(array_shapes(case))
    magnitudes = dict.fromkeys(names, 1)
    wide = names[case.seed % len(names)]
    magnitudes[wide] = room(lattice, form, magnitudes, wide)
    return draw(case, lattice, magnitudes, rng)


def _ties(case: Case, rng: np.random.Generator) -> Arrays:
    # Three values only, so that most windows have several winners.
    drawn, shapes = _exact(case, rng), array_shapes(case)
    operands = {
        name: rng.integers(-1, 2, size=shapes[name]).astype(array.dtype)
        for name, array in drawn.operands.items()
    }
    if lattice_is_kinked(case):
        # Zeros of both signs are equal, and tie.
        negative = {
            name: rng.integers(2, size=array.shape) == 0 for name, array in operands.items()
        }
        operands = {
            name: np.where((array == 0) & negative[name], -array, array)
            for name, array in operands.items()
        }
    return replace(drawn, operands=operands, steps=dict.fromkeys(operands, 0))


def _special(case: Case, rng: np.random.Generator) -> Arrays:
    # Repeated numbers tie, and a special cotangent then goes to whichever the subject chooses.
    ties = case.layouts.get("x") == BROADCAST
    if lattice_is_kinked(case) and (ties or rng.integers(3)):
        return _special_ties(case, rng)
    return _special_terms(case, rng)


def _special_ties(case: Case, rng: np.random.Generator) -> Arrays:
    # Half of the cells are what a comparison can stumble over; some samples are -inf throughout.
    drawn, form = _ties(case, rng), FORMATS[case.dtype]
    specials = np.array([np.nan, np.inf, -np.inf, -np.inf, 0.0, -0.0])
    operands = {}
    for name, array in drawn.operands.items():
        picked = rng.choice(specials, size=array.shape)
        mixed = np.where(rng.integers(2, size=array.shape), picked, array.astype(np.float64))
        mixed[rng.integers(4, size=array.shape[:1]) == 0] = -np.inf
        operands[name] = mixed.astype(form.dtype)
    return replace(drawn, operands=operands)


def _special_terms(case: Case, rng: np.random.Generator) -> Arrays:
    # A few numbers of the first operand or of the cotangent, in about half of the samples.
    plain = replace(case, values="exact")
    drawn = _with_repeats(plain, _exact(plain, rng))
    arrays = {**drawn.operands, "y_bar": drawn.y_bar}
    sources = ["y_bar"] if lattice_is_kinked(case) else [next(iter(drawn.operands)), "y_bar"]
    name = str(rng.choice(sources))
    mixed = arrays[name].astype(np.float64)
    picked = rng.integers(1 + mixed.size // 8, size=mixed.shape) == 0
    picked[rng.integers(2, size=mixed.shape[:1]) == 0] = False
    # One at least, unless the batch is empty.
    picked.flat[: 0 if picked.any() else 1] = True
    mixed[picked] = rng.choice([np.nan, np.inf, -np.inf], size=mixed.shape)[picked]
    arrays[name] = mixed.astype(arrays[name].dtype)
    y_bar = arrays.pop("y_bar")
    return replace(drawn, operands=arrays, y_bar=y_bar, steps=dict.fromkeys(arrays, 0))


def _tiny(case: Case, rng: np.random.Generator) -> Arrays:
    # The lattice unit becomes the smallest number there is.
    return _scaled(case, rng, FORMATS[case.dtype].tiniest)


def _huge(case: Case, rng: np.random.Generator) -> Arrays:
    # The largest sum of the lattice comes to lie just below the largest number.
    form = FORMATS[case.dtype]
    return _scaled(case, rng, 2.0 ** (floor(log2(form.largest)) - form.bits - 1))


def _scaled(case: Case, rng: np.random.Generator, unit: float) -> Arrays:
    """Exact values, and all that one side adds up times a power of two: forward, or backward."""
    plain = replace(case, values="exact")
    drawn, dtype = _with_repeats(plain, _exact(plain, rng)), FORMATS[case.dtype].dtype

    def scaled(array: Array) -> Array:
        return (array.astype(np.float64) * unit).astype(dtype)

    steps = dict.fromkeys(drawn.operands, 0)
    if rng.integers(2):
        return replace(drawn, y_bar=scaled(drawn.y_bar), steps=steps)
    alike = _scaled_alike(case)
    operands = {
        name: scaled(array) if name in alike else array for name, array in drawn.operands.items()
    }
    return replace(drawn, operands=operands, steps=steps)


def _scaled_alike(case: Case) -> set[str]:
    """One factor of each product of the forward, so that its terms are all scaled alike."""
    found: set[str] = set()
    for product in lattice_of(case).products:
        if product.result == "y" and not found & set(product.factors):
            found.add(product.factors[0])
    return found


def _real(case: Case, rng: np.random.Generator) -> Arrays:
    dtype, shapes = FORMATS[case.dtype].dtype, array_shapes(case)
    drawn = {
        # A shape of () gives a scalar otherwise.
        name: np.asarray(rng.standard_normal(shape), dtype)
        for name, shape in shapes.items()
    }
    y_bar = drawn.pop("y_bar")
    return Arrays(operands=drawn, y_bar=y_bar, steps=dict.fromkeys(drawn, 0))


_FILLERS = {
    "exact": _exact,
    "small": _small,
    "wide": _wide,
    "ties": _ties,
    "negative": _exact,
    "special": _special,
    "tiny": _tiny,
    "huge": _huge,
    "real": _real,
}
