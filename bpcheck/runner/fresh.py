"""Fresh cases: geometries that no run has judged, near its cases and far from them, by a seed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER, join_layouts
from bpcheck.checks.claims import unclaimed
from bpcheck.errors import CaseError
from bpcheck.operations import Operation
from bpcheck.planning.beyond import within
from bpcheck.planning.classes import array_shapes
from bpcheck.planning.draws import integers_from
from bpcheck.planning.limits import Limits
from bpcheck.planning.shipped import Shipped
from bpcheck.subject import Subject
from bpcheck.verdict.conditions import PLAIN, plain_kind

#: Geometries that are drawn.
DRAWN = 800

#: Multiplications of a fresh case: large ones tell no more, and hundreds are run.
LARGEST = 20_000

#: Numbers above it are made smaller.
_LARGE = 32

#: Tries for each geometry that is wanted.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Dressing:
    """What fresh cases wear: plain values in C order, or what known cases have worn.

    Parameters
    ----------
    condition
        What their values must meet.
    known
        Cases whose dtype, layout and values they take by turns; empty for the plain dress.
    dtype
        Of the plain dress.
    """

    condition: str
    known: tuple[Case, ...]
    dtype: str

    def put_on(self, case: Case, rng: np.random.Generator) -> Case:
        """The case, dressed."""
        if not self.known:
            return replace(case, dtype=self.dtype, values=plain_kind(case), layout=C_ORDER)
        worn = self.known[int(rng.integers(len(self.known)))]
        values = plain_kind(case) if self.condition == PLAIN else worn.values
        # Each array as in another case: where all were relaid together, one is told from another.
        layouts = {
            name: self.known[int(rng.integers(len(self.known)))].layouts.get(name, C_ORDER)
            for name in array_shapes(case.operation, case.geometry)
        }
        return replace(case, dtype=worn.dtype, values=values, layout=join_layouts(layouts))


def fresh_cases(
    subject: Subject,
    known: Sequence[Case],
    dressing: Dressing,
    *,
    seed: tuple[int, ...],
    limits: Limits,
    failing: Sequence[Case] = (),
) -> Iterator[Case]:
    """Cases that the subject claims: neighbours of known ones, layers of families, random draws.

    A neighbour has one kind of number from another case, so that what goes together elsewhere is
    told apart; one in two is a neighbour of a `failing` case, however few of these there are. Where
    each geometry is compiled, those of the known cases are used again.
    """
    rng = np.random.default_rng((*seed, *b"fresh"))
    operation = subject.operation
    largest = min(LARGEST, limits.largest or LARGEST)
    size = operation.multiplications
    seen: set[Any] = set()
    if limits.geometries is not None:
        geometries: Iterator[Any] = _again(known, rng)
    else:
        geometries = _drawn(operation, known, failing, rng, replace(limits, largest=largest))
    given = 0
    for number, geometry in enumerate(geometries):
        if given >= DRAWN or number >= _TRIES * DRAWN:
            return
        with contextlib.suppress(CaseError):
            near = within(subject, geometry)
            if near is None or size(near) > largest:
                continue
            if limits.geometries is None:
                if near in seen:
                    continue
                seen.add(near)
            # Seeds far from those that a run draws with.
            case = Case(operation, near, seed=int(rng.integers(2**40, 2**41)))
            case = dressing.put_on(case, rng)
            if not unclaimed(subject, case):
                given += 1
                yield case


def _again(known: Sequence[Case], rng: np.random.Generator) -> Iterator[Any]:
    while known:
        yield known[int(rng.integers(len(known)))].geometry


def _drawn(
    operation: Operation,
    known: Sequence[Case],
    failing: Sequence[Case],
    rng: np.random.Generator,
    limits: Limits,
) -> Iterator[Any]:
    integers = integers_from(rng)
    shipped = Shipped(operation, ("float64",), rng=rng, limits=limits)
    numbers = [case.geometry.numbers() for case in known]
    wrong = [case.geometry.numbers() for case in failing] or numbers
    families = operation.families
    turn = 0
    while True:
        yield operation.draw(integers)
        if families and turn % 3 == 0:
            family = families[int(rng.integers(len(families)))]
            layer = shipped.layer_of(family, frozenset())
            if layer is not None:
                shipped.count(layer)
                yield layer
        if len(numbers) > 1:
            yield from _neighbour(operation, (numbers, wrong)[turn % 2], numbers, rng)
            yield from _smaller(operation, wrong, rng)
        turn += 1


def _neighbour(
    operation: Operation,
    ones: Sequence[dict[str, int]],
    others: Sequence[dict[str, int]],
    rng: np.random.Generator,
) -> Iterator[Any]:
    """One geometry with one or two groups of its numbers from another."""
    one, other = (each[int(rng.integers(len(each)))] for each in (ones, others))
    groups = operation.key_groups
    changed = dict(one)
    for place in rng.choice(len(groups), size=min(len(groups), 1 + int(rng.integers(2)))):
        changed |= {key: other[key] for key in groups[place]}
    if changed == one:
        return
    with contextlib.suppress(CaseError):
        yield operation.geometry({key: changed[key] for key in operation.keys})


def _smaller(
    operation: Operation, ones: Sequence[dict[str, int]], rng: np.random.Generator
) -> Iterator[Any]:
    """One geometry with a large number of it smaller: what is wrong beyond some size ends there."""
    one = ones[int(rng.integers(len(ones)))]
    large = [key for key, number in one.items() if number > _LARGE]
    if large:
        key = large[int(rng.integers(len(large)))]
        changed = {**one, key: int(rng.integers(1, one[key]))}
        with contextlib.suppress(CaseError):
            yield operation.geometry({each: changed[each] for each in operation.keys})
