"""The forward along a line, for smooth operations: central differences and Taylor remainders.

``phi(t) = <y_bar, f(x + t v)>`` is a smooth function of one number, and ``phi'(0) = <x_bar, v>`` if
the gradient is right. Both oracles here compare with `phi` alone; no step is chosen by a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, log

import numpy as np

from bpcheck.arithmetic import Array, Format

#: Steps of the Taylor test: from a quarter down by factors of four.
STEPS = tuple(0.25 * 4.0**-k for k in range(9))

#: A remainder counts when it is this many times what rounding can make of it.
ABOVE_ROUNDING = 8

#: The remainder falls as ``h**2`` for a right gradient and as ``h`` for a wrong one: halfway
#: between, a rate is furthest from being mistaken for the other.
LOWEST_RATE = 1.5

Phi = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Slope:
    """``phi'(0)`` by central differences, and a bound on its distance from the true one."""

    value: float
    bound: float


def direction_like(primal: Array, rng: np.random.Generator) -> Array:
    """A direction of length 1 whose entries are all of one size and random sign."""
    signs = rng.integers(0, 2, size=primal.shape) * 2 - 1
    return signs / np.sqrt(max(1, primal.size))


def central_slope(phi: Phi, form: Format, rounding: float) -> Slope:
    """Central differences with the step that balances truncation and rounding, ``u ** (1/3)``.

    The truncation error ``h**2 phi''' / 6`` is a third of how much the quotient changes when the
    step is doubled; `rounding` bounds the error of one value of `phi`. Source: Press et al.,
    Numerical Recipes, 3rd ed., section 5.7.
    """
    h = form.unit_roundoff ** (1 / 3)
    near = (phi(h) - phi(-h)) / (2 * h)
    far = (phi(2 * h) - phi(-2 * h)) / (4 * h)
    # The near quotient rounds by rounding / h, and the estimate by half as much again.
    return Slope(near, abs(far - near) + 3 * rounding / h)


def taylor_rates(phi: Phi, slope: float, rounding: float) -> tuple[float, ...]:
    """Rates at which ``|phi(h) - phi(0) - h slope|`` falls, while it stands above rounding.

    About 2 (or more) for a right slope; 1 for a wrong one, from some step on; 0 without numbers.
    """
    start = phi(0.0)
    rates: list[float] = []
    before = None
    for h in STEPS:
        remainder = abs(phi(h) - start - h * slope)
        if isnan(remainder):
            # Two rates that are too low: what is not a number must fail.
            return (0.0, 0.0)
        # Of a bound that is no number nothing is above.
        if not remainder > ABOVE_ROUNDING * rounding:
            break
        if before is not None:
            rates.append(log(before / remainder) / log(4.0))
        before = remainder
    return tuple(rates)


def rates_show_an_error(rates: tuple[float, ...]) -> bool:
    """Whether the two last rates are both those of a wrong slope.

    One low rate alone can come from a remainder that happens to cross zero.
    """
    return len(rates) >= 2 and all(rate < LOWEST_RATE for rate in rates[-2:])
