"""The other case of an order of calls: what one forward leaves behind must not reach its vjp."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import OUTPUT
from bpcheck.checks.claims import unclaimed
from bpcheck.checks.run import Handed, Run, hand, run
from bpcheck.checks.trial import Trial
from bpcheck.errors import CaseError
from bpcheck.filling import Arrays, fill
from bpcheck.planning.draws import integers_from


@dataclass(frozen=True, slots=True)
class Another:
    """Another case, its arrays, and the params that the subject's forward takes of it."""

    case: Case
    arrays: Arrays
    params: dict[str, Any]

    def hand(self) -> Handed:
        """Copies of the arrays in the layouts of the case, the cotangent being its own array.

        What copies other layouts into a buffer of its own shows between two such forwards alone.
        """
        own = {name: layout for name, layout in self.case.layouts.items() if layout != OUTPUT}
        return hand(self.case, self.arrays, layouts=own)


def another(trial: Trial) -> Another:
    """Another case that the subject claims.

    Its operands have the same shapes, so that buffers kept for a shape are met again. It has other
    params as well where a vjp needs no numbers of its forward: residuals of another forward would
    be as good there.
    """
    case = replace(trial.case, seed=trial.case.seed + 1, one_hot=None)
    if _needs_numbers(case):
        return Another(case, trial.others, trial.params)
    geometries = _geometries(case) if trial.beside is None else iter(trial.beside)
    others = (replace(case, geometry=geometry, layout="c-order") for geometry in geometries)
    found = next((other for other in others if not unclaimed(trial.subject, other)), None)
    if found is None:
        return Another(case, trial.others, trial.params)
    return Another(found, fill(found), trial.subject.accepted(found.params))


def run_of_another(trial: Trial) -> Run:
    """Forward and vjp of that case, one right after the other."""
    other = trial.once(another)
    return run(trial.subject, other.case, other.hand(), params=other.params)


def _needs_numbers(case: Case) -> bool:
    """Whether gradients are made of more than the cotangent, shapes and params."""
    lattice = case.lattice
    if lattice is None or lattice.distinct is not None:
        return True
    return any(set(each.factors) - {"y_bar"} for each in lattice.products if each.result != "y")


def _geometries(case: Case) -> Iterator[Any]:
    """Other params for the same operands; for who takes no params, one sample more."""
    operation, geometry = case.operation, case.geometry
    rng = np.random.default_rng((case.seed, *b"another"))
    twin = operation.twin(geometry, integers_from(rng))
    if twin is not None:
        yield twin
    numbers = {key: geometry.numbers()[key] for key in operation.keys}
    if "n" in numbers:
        with contextlib.suppress(CaseError):
            yield operation.geometry({**numbers, "n": numbers["n"] + 1})
