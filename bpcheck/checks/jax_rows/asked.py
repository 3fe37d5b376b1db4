"""Which row on JAX falls to which case, and the functions and arrays that it is asked with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.adapters.jax_calls import JaxCall, recorded
from bpcheck.arithmetic import Array
from bpcheck.calls import Call, call
from bpcheck.checks.allowed import between_right, quotient_bound
from bpcheck.checks.tensors.asked import FIRST, KINDS, is_cheap
from bpcheck.checks.tensors.seconds import directions
from bpcheck.checks.trial import Trial
from bpcheck.checks.turns import is_early, is_like
from bpcheck.filling import Arrays

#: One in so many of the early cases of a plan is asked, and of the later ones, and those of the
#: first seeds: each new shape compiles, so that a run has at most 40 of them.
EVERY, EVERY_LATER, LIKE = 16, 80, 5


def is_of_jax(trial: Trial) -> bool:
    """Whether the subject is a function of JAX."""
    return trial.subject.style.startswith("jax") and "jax" in sys.modules


def why_not(trial: Trial) -> str:
    """Why a case is not asked; ``""`` if it is."""
    if not is_of_jax(trial):
        return "no function of JAX"
    if not trial.first.is_whole:
        return "the contract is broken"
    case = trial.case
    is_smooth = case.lattice is None
    if not trial.subject.claims.exact or not (is_smooth or case.values in KINDS):
        return "not exact"
    if not is_cheap(case):
        return "left to other cases"
    leads = case.seed < FIRST
    every = EVERY if is_early(case) else EVERY_LATER
    # About half the cases of a sum of products are exact, and all of what is compared by bounds,
    # which is of more steps too, and takes twice as long to compile.
    every *= 4 if is_smooth else 1
    if 0 in case.shapes["y"] or not (leads or is_like(case, LIKE, every)):
        return "left to other cases"
    return "" if trial.once(asked_of) is not None else "it makes no call of JAX"


@dataclass(frozen=True)
class Asked:
    """The same call on three sets of numbers, all in the layout of the user's code.

    Parameters
    ----------
    trial
        The case.
    own
        Its call.
    other
        That on other numbers of the same shapes.
    moved
        That on the operands moved by a lattice step each.
    """

    trial: Trial
    own: JaxCall
    other: JaxCall
    moved: JaxCall

    @property
    def names(self) -> tuple[str, ...]:
        """The operands that the case has, in the order of the call."""
        return tuple(self.trial.arrays.operands)

    def bars(self, function: Callable[..., Any], call: JaxCall) -> tuple[Any, ...]:
        """All gradients."""
        import jax

        _, pullback = jax.vjp(function, *call.operands)
        return tuple(pullback(call.y_bar))

    def named(self, y: Any, bars: tuple[Any, ...]) -> dict[str, Array]:
        """Results by name, as arrays of NumPy."""
        found = {f"{name}_bar": numbers(bar) for name, bar in zip(self.names, bars, strict=True)}
        return {"y": numbers(y), **found}

    def slack(self, result: str, right: Array) -> Array | None:
        """What rounded quotients explain, and nothing where none is taken.

        Of what is smooth, what may lie between two right functions: on its numbers, and in a batch
        on the other ones behind them.
        """
        if self.trial.case.lattice is None:
            own = between_right(self.trial, self.trial.arrays)[result]
            if right.shape == own.shape:
                return own
            return np.stack([own, between_right(self.trial, self._second())[result]])
        if not self.trial.case.operation.divides:
            return None
        largest = max(
            float(quotient_bound(self.trial, each).max(initial=0)) for each in self.trial.got
        )
        return np.full(right.shape, 4 * largest)

    def _second(self) -> Arrays:
        """The numbers of the second sample of a batch: the other operands are shared."""
        own, other = self.trial.arrays, self.trial.others
        first, *_ = self.names
        return replace(
            own, operands={**own.operands, first: other.operands[first]}, y_bar=other.y_bar
        )


def asked_of(trial: Trial) -> Asked | None:
    """What a trial is asked with; ``None`` where its runs make no call of JAX."""
    arrays, along = trial.arrays, directions(trial)
    moved = {
        name: (array.astype(float) + along[name]).astype(array.dtype)
        for name, array in arrays.operands.items()
    }
    calls = []
    for each in (arrays, trial.others, replace(arrays, operands=moved)):
        with recorded() as found:
            trial.again(each)
        if not found or found[-1].y_bar is None:
            return None
        calls.append(found[-1])
    return Asked(trial, *calls)


def numbers(value: Any) -> Array:
    """The numbers of an array of JAX in float64."""
    return np.asarray(np.asarray(value), np.float64)


def tried(function: Callable[..., Any], *args: Any) -> Call:
    """A call of the subject's function, and of JAX about it."""
    return call(function, *args)
