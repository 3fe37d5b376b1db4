"""Two mistakes at once: which pairs of catalogue faults the plans find.

    python -m benchmarks.pairs                 # the table of docs/benchmarks.md
    python -m benchmarks.pairs --count 200     # fewer pairs

Pairs are drawn by seed of the faults of `bpcheck.explain.faults` that one operation can have, from
whatever family, and planted one upon the other into its kernel of `reference/`. A pair is found
where a case of a plan is rejected. Two mistakes may hide one another where both show, and then
there must be a case in which one shows alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.detection import head, row, spread
from benchmarks.hunting import is_rejected
from benchmarks.material import judged_in_a_run, kernel, operation_for, planned
from bpcheck.explain.faults import FAMILIES, fault_named
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.threads import one_thread

#: The plans, the shortest first: a pair that one finds is not looked for in the next.
PLANS = ("quick", "default", "thorough")

#: Pairs that a worker takes at once.
BATCH = 20

#: Two faults, and the operation that has both.
Drawn = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Hunted:
    """A pair, the first plan that finds it (or ``""``), and after how many cases."""

    pair: Drawn
    profile: str
    cases: int


def pairs(count: int) -> Iterator[Drawn]:
    """So many different pairs, the same every time."""
    rng = np.random.default_rng((0, *b"two at once"))
    faults = [each for family in FAMILIES.values() for each in family]
    given: set[frozenset[str]] = set()
    while len(given) < count:
        one, other = (faults[int(place)] for place in rng.choice(len(faults), 2, replace=False))
        operation, both = operation_for(one), frozenset({one.name, other.name})
        if operation in other.operations and both not in given:
            given.add(both)
            yield one.name, other.name, operation


def hunt_pairs(drawn: tuple[Drawn, ...]) -> list[Hunted]:
    """What comes of some pairs."""
    with one_thread():
        return [hunt_pair(*each) for each in drawn]


def hunt_pair(one: str, other: str, operation: str) -> Hunted:
    """The first case that rejects a kernel with both faults, in the order of the plans."""
    right = kernel("reference", operation)
    wrong = fault_named(other).plant(fault_named(one).plant(right))
    for profile in PLANS:
        cases = planned(right, count=PROFILES[profile].total(right.operation), profile=profile)
        for index, case in enumerate(cases, 1):
            if is_rejected(judged_in_a_run(wrong, case, profile)):
                return Hunted((one, other, operation), profile, index)
    return Hunted((one, other, operation), "", 0)


def print_table(found: list[Hunted]) -> None:
    """How many each plan finds, what it takes, and what none finds."""
    print(head("plan", "found", "share", "cases to the first detection: median", "90 %", "largest"))
    hits = 0
    for profile in PLANS:
        taken = sorted(each.cases for each in found if each.profile == profile)
        hits += len(taken)
        share = f"{100 * hits / len(found):.1f} %"
        quantiles = (taken[int(q * (len(taken) - 1))] if taken else "" for q in (0.5, 0.9, 1))
        print(row(profile, hits, share, *quantiles))
    missed = [each.pair for each in found if not each.profile]
    print(f"\nPairs: {len(found)}. Found by no plan: {len(missed)}")
    for one, other, operation in missed:
        print(f"- {operation}: {one} and {other}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=2_000, help="pairs (2,000)")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    arguments = parser.parse_args()
    drawn = tuple(pairs(arguments.count))
    tasks = [(drawn[start : start + BATCH],) for start in range(0, len(drawn), BATCH)]
    print_table([each for some in spread(hunt_pairs, tasks, arguments.jobs) for each in some])


if __name__ == "__main__":
    main()
