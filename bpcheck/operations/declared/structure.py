"""What a function is, found by experiment: a sum of products, exactly; smooth; or with kinks.

A sum of products of at most one number from each operand is affine in each of them, so its second
differences vanish. On small whole numbers, at several scales and of both signs, float64 computes
them exactly: what is left over is no rounding. One scale alone is a trap (a hardtanh is affine near
0), and so are whole numbers alone (a mean of four is exact, and divides).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np

from bpcheck.arithmetic import Array
from bpcheck.operations.promises import Product, Shape

#: Scales of the numbers tried: from about 1e-3 to 1e6, powers of two, so that scaling is exact.
SCALES = (2.0**-10, 1.0, 2.0**20)

#: Largest whole number tried.
LARGEST = 3

#: What rounding in float64 leaves of a second difference, as a part of the largest value: far more
#: than sums of some hundred terms, and far less than anything that bends, at one scale or another.
ROUNDED = 2.0**-36

#: Random signs tried to estimate a sum of squares of coefficients.
SIGNS = 8

#: Steps of a walk along a line in search of kinks, from -`REACH` to `REACH`, and how often one that
#: bends is looked at more closely, 64 times each.
STEPS, REACH, ZOOMS = 256, 8.0, 4

#: Second differences fall by 4 when the step is halved where a function is smooth, and by 2 at a
#: kink: halfway between.
FALLS = 3.0

Evaluate = Callable[[Mapping[str, Array]], Array]
Vjp = Callable[[Mapping[str, Array], Array], Mapping[str, Array]]
#: Operands of which products are made.
Factors = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """A function that is a sum of products of its operands, for one geometry.

    Parameters
    ----------
    products
        Of ``y`` and of each gradient: the sums and how many terms they have.
    is_positive
        Whether all coefficients are 0 or more, so that absolute values bound the sums.
    """

    products: tuple[Product, ...]
    is_positive: bool


def is_sum_of_products(
    evaluate: Evaluate, shapes: Mapping[str, Shape], rng: np.random.Generator
) -> bool:
    """Whether a function of float64 arrays is affine in each operand, with whole coefficients."""
    for scale in SCALES:
        for _ in range(2):
            drawn = [_whole(shapes, rng, scale) for _ in range(3)]
            for name in shapes:
                if not _is_affine(evaluate, name, drawn):
                    return False
    whole = evaluate(_whole(shapes, rng, 1.0))
    nothing = evaluate({name: np.zeros(shape) for name, shape in shapes.items()})
    return bool(np.all(whole == np.round(whole)) and np.all(nothing == 0))


def _is_affine(evaluate: Evaluate, name: str, drawn: Sequence[Mapping[str, Array]]) -> bool:
    start, one, other = (each[name] for each in drawn)
    at = dict(drawn[0])
    both, first, second, none = (
        evaluate({**at, name: each})
        for each in (start + one + other, start + one, start + other, start)
    )
    left = (both - first) - (second - none)
    return bool(np.all(np.isfinite(both)) and np.all(left == 0))


def is_linear_up_to_rounding(
    evaluate: Evaluate, name: str, shapes: Mapping[str, Shape], rng: np.random.Generator
) -> bool:
    """Whether a function changes in proportion to an operand, but for the rounding of float64."""
    for scale in SCALES:
        at = {each: rng.standard_normal(shape) for each, shape in shapes.items()}
        start, one, other = (scale * rng.standard_normal(shapes[name]) for _ in range(3))
        values = [
            evaluate({**at, name: each})
            for each in (start + one + other, start + one, start + other, start)
        ]
        if not all(np.isfinite(each).all() for each in values):
            return False
        both, first, second, none = values
        left = np.abs((both - first) - (second - none)).max(initial=0)
        if left > ROUNDED * max(np.abs(each).max(initial=0) for each in values):
            return False
    return True


def parts_of(
    evaluate: Evaluate, shapes: Mapping[str, Shape], rng: np.random.Generator
) -> frozenset[Factors]:
    """The sets of operands of which there are products."""
    arrays = {name: signed(shape, rng) for name, shape in shapes.items()}
    values = {
        kept: evaluate(
            {n: each if n in kept else np.zeros_like(each) for n, each in arrays.items()}
        )
        for kept in _subsets(tuple(shapes))
    }
    left = dict(values)
    found: set[Factors] = set()
    for factors in _subsets(tuple(shapes)):
        within = [left[each] for each in found if set(each) < set(factors)]
        left[factors] = values[factors] - sum(within)
        if np.any(left[factors]):
            found.add(factors)
    return frozenset(found)


def sums_of(
    run: Vjp,
    parts: Collection[Factors],
    shapes: Mapping[str, Shape],
    y_shape: Shape,
    rng: np.random.Generator,
) -> Sums:
    """The sums that such a function, and its vjp, add up; `run` gives ``y`` and the gradients."""
    products: list[Product] = []
    is_positive = True
    there = [each for each in parts if set(each) <= set(shapes)]
    for factors in sorted(there, key=len):
        part = _Part(run, there, shapes, y_shape, factors)
        counted = part.terms(rng)
        is_positive = is_positive and part.is_positive
        products.append(Product("y", counted["y"], factors))
        for name in factors:
            others = (*(each for each in factors if each != name), "y_bar")
            products.append(Product(f"{name}_bar", counted[f"{name}_bar"], others))
    return Sums(tuple(_with_company(products)), is_positive)


def _with_company(products: Sequence[Product]) -> Iterator[Product]:
    """The products with room for others that are added to the same sums, counted as terms."""
    together = Counter(each.result for each in products)
    for each in products:
        # A forward has room for as many anyway, beside the steps of differences.
        many = 1 if each.result == "y" and together["y"] < 4 else together[each.result]
        yield Product(each.result, many * each.terms, each.factors)


class _Part:
    """The terms of a function that have one factor from each of some operands."""

    def __init__(
        self,
        run: Vjp,
        parts: Collection[Factors],
        shapes: Mapping[str, Shape],
        y_shape: Shape,
        factors: Factors,
    ):
        self._run, self._shapes, self._y_shape = run, shapes, y_shape
        self._factors = factors
        self._within = [each for each in parts if set(each) < set(factors)]
        self.is_positive = True

    def terms(self, rng: np.random.Generator) -> dict[str, int]:
        """How many terms an element of each result has at most."""
        squares: dict[str, Array] = {}
        for _ in range(SIGNS):
            for name, values in self._results(lambda shape: _signs(shape, rng)).items():
                squares[name] = squares.get(name, 0.0) + values**2 / SIGNS
        ones = self._results(np.ones)
        counted = {}
        for name, mean in squares.items():
            # The mean square over random signs is the sum of the squares of the coefficients, and
            # the value at ones their sum: where coefficients are 1 both are the same.
            if np.all(ones[name] >= 0) and np.sum(ones[name]) >= 0.5 * np.sum(mean):
                counted[name] = max(1, round(float(np.max(ones[name], initial=0))))
            else:
                self.is_positive = False
                counted[name] = max(1, round(8 * float(np.max(mean, initial=0))))
        return counted

    def _results(self, make: Callable[[Shape], Array]) -> dict[str, Array]:
        arrays = {name: np.asarray(make(self._shapes[name]), float) for name in self._factors}
        y_bar = np.asarray(make(self._y_shape), float)
        found: dict[str, Array] = self._of(self._factors, arrays, y_bar)
        # Parts with fewer factors are in it too.
        for each in self._within:
            for name, values in self._of(each, arrays, y_bar).items():
                found[name] = found[name] - values
        return found

    def _of(self, kept: Factors, arrays: Mapping[str, Array], y_bar: Array) -> dict[str, Array]:
        at = {
            name: arrays[name] if name in kept else np.zeros(shape)
            for name, shape in self._shapes.items()
        }
        found = self._run(at, y_bar)
        return {name: found[name] for name in ("y", *(f"{each}_bar" for each in kept))}


def has_kinks(evaluate: Evaluate, shapes: Mapping[str, Shape], rng: np.random.Generator) -> bool:
    """Whether a function has a kink on some line through 0, or through numbers that are equal."""
    for start in _starts(shapes, rng):
        direction = {name: rng.standard_normal(shape) for name, shape in shapes.items()}

        def at(t: float, start: Any = start, direction: Any = direction) -> Array:
            return evaluate({name: start[name] + t * direction[name] for name in shapes})

        middle, reach = 0.0, REACH
        for _ in range(ZOOMS):
            places = np.linspace(middle - reach, middle + reach, 2 * STEPS + 1)
            bend = _bend(np.stack([at(t) for t in places]))
            if bend is None:
                break
            # What only bends sharply is smooth when it is looked at closely.
            middle, reach = float(places[bend]), 4 * reach / STEPS
        else:
            return True
    return False


def _bend(fine: Array) -> int | None:
    """Where second differences fall as slowly as at a kink when the step is halved, if anywhere."""
    if not np.all(np.isfinite(fine)):
        return None
    flat = fine.reshape(len(fine), -1)
    near = np.abs(flat[2:] - 2 * flat[1:-1] + flat[:-2])
    far = np.abs(flat[4::2] - 2 * flat[2:-2:2] + flat[:-4:2])
    least = 1e-13 * np.abs(flat).max(initial=1.0)
    tops_near, tops_far = near.max(0, initial=0), far.max(0, initial=0)
    slow = (tops_near > 64 * least) & (tops_far < FALLS * tops_near)
    if not slow.any():
        return None
    element = int(np.argmax(np.where(slow, tops_near, 0)))
    return 1 + int(np.argmax(near[:, element]))


def _starts(shapes: Mapping[str, Shape], rng: np.random.Generator) -> Iterator[dict[str, Array]]:
    yield {name: np.zeros(shape) for name, shape in shapes.items()}
    yield {name: np.ones(shape) for name, shape in shapes.items()}
    yield _whole(shapes, rng, 1.0)


def _whole(shapes: Mapping[str, Shape], rng: np.random.Generator, scale: float) -> dict[str, Array]:
    return {name: whole(shape, rng) * scale for name, shape in shapes.items()}


def whole(shape: Shape, rng: np.random.Generator) -> Array:
    """Small whole numbers of both signs."""
    return rng.integers(-LARGEST, LARGEST + 1, size=shape).astype(np.float64)


def signed(shape: Shape, rng: np.random.Generator) -> Array:
    """Small whole numbers of both signs, none of them 0: that would hide what it multiplies."""
    return _signs(shape, rng) * rng.integers(1, LARGEST + 1, size=shape)


def _signs(shape: Shape, rng: np.random.Generator) -> Array:
    return rng.integers(0, 2, size=shape) * 2.0 - 1.0


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every subset but the empty one, small ones first."""
    yield from chain.from_iterable(combinations(names, k) for k in range(1, len(names) + 1))
