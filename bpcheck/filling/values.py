"""The arrays of a case: which kind of values each value kind asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcheck.arithmetic import FORMATS
from bpcheck.cases.case import JACOBIAN, Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.cases.repeats import REPEATING
from bpcheck.filling.budget import room, spread
from bpcheck.filling.ends import huge_unit, scaled, smallest_normal, special_terms, tiny_unit
from bpcheck.filling.lattice import Arrays, array_shapes, draw, lattice_is_kinked, lattice_of
from bpcheck.filling.real import far, masked, pruned, real, rows
from bpcheck.filling.real import scaled as scaled_cotangent
from bpcheck.filling.sparse import sparse
from bpcheck.filling.tied import has_output_for_cotangent, places, tied
from bpcheck.operations.outputs import parted

#: Largest magnitude drawn in `exact` mode: enough for a survival probability below 1e-3 a probe.
CAP = 1024

#: Largest magnitude in `small` mode.
SMALL = 4

#: One case in so many has an output that is not used, where there are several.
UNUSED = 4

#: Largest magnitude in `jacobian` mode: with both signs and 0 there are seven, in three bits.
DIGIT = 3


def fill(case: Case) -> Arrays:
    """The arrays of a case, the same for the same case on every machine.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> arrays = fill(parse_case("conv1d n1ic1iw3oc1kw2 f32 exact c-order seed=1"))
    >>> arrays.operands["w"].shape, arrays.y_bar.dtype.name
    ((1, 1, 2), 'float32')
    """
    return _finished(case, _FILLERS[case.values](case, np.random.default_rng(case.seed)))


def fill_normal(case: Case) -> Arrays:
    """The arrays of a tiny case times a power of two, so that no number in it is subnormal.

    Examples
    --------
    >>> from bpcheck.cases import parse_case
    >>> case = parse_case("conv1d n1ic1iw1oc1kw1bias0 f32 tiny c-order seed=0")
    >>> float(fill_normal(case).y_bar[0, 0, 0] / fill(case).y_bar[0, 0, 0]) in (1, 2.0**23)
    True
    """
    rng = np.random.default_rng(case.seed)
    return _finished(case, _scaled(case, smallest_normal(case), rng))


def _finished(case: Case, arrays: Arrays) -> Arrays:
    """The same, tied as the layouts ask for, and with the cotangent that the case names."""
    arrays = tied(case, arrays)
    if case.one_hot is None:
        return _with_unused(case, arrays)
    # One cell of memory, in which a repeating layout puts other elements too.
    place = places(case, "y_bar", arrays.y_bar.shape)
    y_bar = (place == place[case.one_hot]).astype(arrays.y_bar.dtype)
    return replace(arrays, y_bar=y_bar, survival=1.0)


def _with_unused(case: Case, arrays: Arrays) -> Arrays:
    """The same, where one of several outputs is not used in one case of four: it sends zeros."""
    is_tied = case.layouts.get("y_bar") in (*REPEATING, OUTPUT)
    if len(case.outputs) < 2 or case.seed % UNUSED or is_tied:
        return arrays
    parts = parted(arrays.y_bar.copy(), case.outputs)
    parts[case.seed // UNUSED % len(parts)][...] = 0
    y_bar = np.concatenate([each.reshape(-1) for each in parts])
    # What it multiplies is hidden: no chance of survival is claimed.
    return replace(arrays, y_bar=y_bar, survival=1.0)


def _exact(case: Case, rng: np.random.Generator) -> Arrays:
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    return draw(case, lattice, spread(lattice, form, tuple(array_shapes(case)), cap=CAP), rng)


def _small(case: Case, rng: np.random.Generator) -> Arrays:
    # Numbers that a person can follow by hand; a search for the smallest case ends in them.
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    return draw(case, lattice, spread(lattice, form, tuple(array_shapes(case)), cap=SMALL), rng)


def _digits(case: Case, rng: np.random.Generator) -> Arrays:
    # Entries of the Jacobian that are digits: many of them travel as one number.
    lattice, form = lattice_of(case), FORMATS[case.dtype]
    return draw(case, lattice, spread(lattice, form, tuple(array_shapes(case)), cap=DIGIT), rng)


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


def _sparse(case: Case, rng: np.random.Generator) -> Arrays:
    drawn = _exact(case, rng)
    operands = {name: sparse(array, rng) for name, array in drawn.operands.items()}
    steps = dict.fromkeys(operands, 0) if lattice_is_kinked(case) else drawn.steps
    # A zero hides what it multiplies: no chance of survival is claimed.
    return replace(
        drawn, operands=operands, y_bar=sparse(drawn.y_bar, rng), steps=steps, survival=1.0
    )


def _special(case: Case, rng: np.random.Generator) -> Arrays:
    if lattice_is_kinked(case) and not has_output_for_cotangent(case):
        # Repeated numbers tie, and a special cotangent then goes to whichever the subject chooses.
        ties = case.layouts.get("x") in REPEATING
        if ties or rng.integers(3):
            return _special_ties(case, rng)
    return special_terms(case, _exact(replace(case, values="exact"), rng), rng)


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


def _tiny(case: Case, rng: np.random.Generator) -> Arrays:
    return _scaled(case, tiny_unit(case), rng)


def _huge(case: Case, rng: np.random.Generator) -> Arrays:
    return _scaled(case, huge_unit(case), rng)


def _scaled(case: Case, unit: float, rng: np.random.Generator) -> Arrays:
    return scaled(case, _exact(replace(case, values="exact"), rng), unit, rng)


_FILLERS = {
    "exact": _exact,
    "small": _small,
    "wide": _wide,
    "ties": _ties,
    "sparse": _sparse,
    "negative": _exact,
    "special": _special,
    "tiny": _tiny,
    "huge": _huge,
    "real": real,
    "pruned": pruned,
    "scaled": scaled_cotangent,
    "rows": rows,
    "far": far,
    "masked": masked,
    JACOBIAN: _digits,
}
