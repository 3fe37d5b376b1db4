"""Cases in which a planted fault shows, and what the checks say of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import replace
from functools import cache
from itertools import chain, count, islice, product, tee

import numpy as np

from bpcheck import adapters
from bpcheck.cases import Case
from bpcheck.cases.case import REAL_KINDS
from bpcheck.cases.layouts import join_layouts
from bpcheck.checks import CHECK_NAMES
from bpcheck.checks.orders import ORDERS, order_of
from bpcheck.checks.turns import has_turn, turn_of
from bpcheck.explain.faults import Fault
from bpcheck.finding import Finding, Status
from bpcheck.operations import Operation, as_operation, operation_named
from bpcheck.planning.classes import array_layouts, shared_layouts
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import Profile
from bpcheck.runner.one import judge
from bpcheck.subject import Subject
from bpcheck.verdict.tally import work

#: Multiplications of a case up to which it is used here.
SMALL = 80_000

#: Candidates that are asked whether a fault shows in them, before rarer value kinds are tried.
MOST_ASKED = 1_600

#: In which value kinds a check can speak, the likeliest to show a fault first.
KINDS = {
    "contract": ("exact", "real"),
    "finite": ("exact", "real"),
    "autograd": ("exact", "wide"),
    "ties": ("ties",),
    "NaN and infinity": ("special",),
    "extreme values": ("tiny", "huge"),
    "finite differences": ("exact", "wide"),
    "layouts": ("exact", "ties"),
    "samples": ("exact", "ties"),
    "channels": ("exact", "ties"),
    "taylor": REAL_KINDS,
    "rounding": REAL_KINDS,
}

#: The checks that fall to every third case only, and one that others join elsewhere.
TURNS = {
    "inputs unchanged": 0,
    "vjps in reverse": 0,
    "vjps in order": 0,
    "three forwards": 0,
    "second vjp": 0,
    "reused arrays": 0,
    "own memory": 0,
    "same bits twice": 1,
    "scaled cotangent": 1,
    "split cotangent": 1,
    "samples": 2,
    "channels": 2,
}

#: Those that take turns within their turn, by the order of calls that falls to the case.
WITHIN = {
    **{order: order for order in ORDERS},
    "second vjp": "three forwards",
    "reused arrays": "vjps in reverse",
}


def reference(operation: Operation | str) -> Subject:
    """The hand-written kernel of an operation."""
    name = as_operation(operation).name
    module = name if name == "network" else name[:-2]
    return adapters.load(f"reference.{module}", operation=operation)


@cache
def small_cases(operation: str) -> tuple[Case, ...]:
    """Small cases that cover the edge classes of an operation."""
    profile = Profile("planting", cases=800, strength=1, draws=800, shipped=2)
    stream = plan(operation_named(operation), profile=profile, dtypes=["float64"], seed=1)
    return tuple(case for case in islice(stream, 800) if work(case) <= SMALL)


def showing(fault: Fault, operation: str, check: str) -> Iterator[Case]:
    """Cases in which `fault` shows and of which `check` can speak."""
    candidates = chain(
        islice(candidates_of(operation, check, KINDS.get(check, ("exact",))), MOST_ASKED),
        islice(candidates_of(operation, check, ("sparse",)), MOST_ASKED),
        candidates_of(operation, check, ("special",)),
    )
    return (case for case in candidates if fault.shows(case))


def candidates_of(operation: str, check: str, kinds: tuple[str, ...]) -> Iterator[Case]:
    """Cases of which `check` can speak; geometry, dtype and value kind change with every one."""
    return copy(_made(operation, check, kinds))


@cache
def _made(operation: str, check: str, kinds: tuple[str, ...]) -> Iterator[Case]:
    """The same for a copy to go through: hundreds of faults are looked for in the first ones."""
    (first,) = tee(_making(operation, check, kinds), 1)
    return first


def _making(operation: str, check: str, kinds: tuple[str, ...]) -> Iterator[Case]:
    promise = operation_named(operation)
    dtypes = [name for name in reference(operation).claims.dtypes if name in promise.dtypes]
    if check == "taylor":
        # Rates are read while the remainder stands above rounding: float64 leaves the most room.
        dtypes = ["float64"]
    kinds = tuple(kind for kind in kinds if kind in promise.value_kinds) or promise.value_kinds
    cases = [case for case in small_cases(operation) if speaks(check, case)]
    variants = list(product(kinds, dtypes))
    for index in range(len(cases) * len(variants)):
        # One number coprime to the other, so that every pair is met once.
        kind, dtype = variants[(index + index // len(cases)) % len(variants)]
        case = replace(cases[index % len(cases)], values=kind, dtype=dtype, layout="c-order")
        if check == "layouts" or index % 3 == 2:
            case = replace(case, layout=random_layout(case))
        yield with_turn(case, check)


def speaks(check: str, case: Case) -> bool:
    """Whether the geometry of a case lets `check` judge it."""
    if check == "empty batch":
        return 0 in case.shapes["y"]
    if check == "samples" and case.geometry.n < 2:
        return False
    if (
        check in ("autograd", "ties", "NaN and infinity", "extreme values")
        and 0 in case.shapes["y"]
    ):
        return False
    if check in ("samples", "channels"):
        names = {symmetry.name for symmetry in case.operation.symmetries(case.geometry)}
        return check in names if check == "samples" else bool(names - {"samples"})
    if case.operation.lattice(case.geometry) is None and check in ("finite differences", "taylor"):
        return case.operation.is_smooth(case.geometry)
    return True


def random_layout(case: Case) -> str:
    """Another layout for every array."""
    rng = np.random.default_rng(case.seed)
    names = [*case.operation.operand_shapes(case.geometry), "y_bar"]
    levels = array_layouts(case.operation)
    # Now and then all alike: operands lie in one memory only together.
    shared = shared_layouts(case.operation)
    alike = str(rng.choice(shared)) if rng.integers(4) == 0 else None
    return join_layouts(
        {
            name: alike if alike in levels[name] else str(rng.choice(levels[name][1:]))
            for name in names
        }
    )


def with_turn(case: Case, check: str) -> Case:
    """The case with the next seed at which `check` has its turn."""
    if check not in TURNS:
        return case
    seeds = (replace(case, seed=seed) for seed in count(case.seed))
    # Whose turn it is depends on the seed alone.
    return next(
        each
        for each in seeds
        if has_turn(each)
        and turn_of(each) == TURNS[check]
        and WITHIN.get(check, order_of(each)) == order_of(each)
    )


SUBJECT = Subject(forward=abs, vjp=abs, operation="conv2d")


def findings(
    subject: Subject, case: Case, checks: Collection[str] = CHECK_NAMES
) -> tuple[Finding, ...]:
    """What the checks find wrong."""
    judged = judge(subject, case, checks=checks)
    return tuple(
        outcome.finding
        for outcome in judged.outcomes
        if outcome.status is Status.FAILED and outcome.finding is not None
    )
