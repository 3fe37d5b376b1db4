"""Whether a failure is called by its name: every fault of the catalogue, planted and looked at.

    python -m benchmarks.naming            # the table of docs/benchmarks.md
    python -m benchmarks.naming --quick    # two faults of each family

Each fault is planted into a kernel of `reference/` and checked as anybody would check it. The names
that the report gives are compared with the fault: *right* where it is named, *equal* where another
one is that gives the same numbers in every case tried, *none* where no name is given, *wrong* where
any other is. It exits with 1 if more than 1 % of the faults are named wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from benchmarks.detection import head, row, spread
from benchmarks.material import kernel, operation_for, planned
from bpcheck import Report, check
from bpcheck.explain.answers import Witness
from bpcheck.explain.faults import FAMILIES, Fault, fault_named, faults_of
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject

#: Cases of each fault, those of a quick run that have at most so many multiplications.
CASES, LARGEST = 450, 4_096

#: Multiplications of any case that a quick run has.
UNLIMITED = 10**9

#: Cases in which two faults must give the same numbers to be one mistake by two names.
COMPARED = 60

#: What may come of one fault, the best first.
OUTCOMES = ("right", "equal", "none", "wrong")

#: Faults that may be named wrongly, of a hundred.
MOST_WRONG = 1


@dataclass(frozen=True, slots=True)
class Named:
    """What a report calls one fault."""

    fault: str
    operation: str
    outcome: str
    names: tuple[str, ...] = ()


def named(name: str, operation: str) -> Named:
    """Plant one fault, check the kernel, and compare the names in the report with the fault."""
    return names_in(reported(name, operation), name, operation)


def reported(name: str, operation: str) -> Report:
    """What is said of the reference kernel with one fault."""
    wrong = fault_named(name).plant(kernel("reference", operation))
    report = check(wrong, profile="quick", count=CASES, largest=LARGEST)
    if report.judgements:
        return report
    # What shows past a size has no case among the small ones.
    return check(wrong, profile="quick", count=CASES, largest=UNLIMITED)


def names_in(report: Report, name: str, operation: str) -> Named:
    """The names in a report, compared with the fault that was planted."""
    fault, right = fault_named(name), kernel("reference", operation)
    by_what = {each.what: each for each in faults_of(operation)}
    told = [each.looks_like.rpartition(" (explains")[0] for each in report.judgements]
    found = tuple(dict.fromkeys(by_what[what] for what in told if what in by_what))
    return Named(name, operation, _outcome(fault, found, right), tuple(each.name for each in found))


def _outcome(fault: Fault, found: tuple[Fault, ...], right: Subject) -> str:
    if not found:
        return "none"
    others = [each for each in found if each is not fault]
    if not all(is_equal(fault, each, right) for each in others):
        return "wrong"
    return "right" if fault in found else "equal"


def is_equal(one: Fault, other: Fault, right: Subject, result: str = "") -> bool:
    """Whether two faults give the same numbers wherever they are compared, or in one result."""
    with one_thread():
        for case in islice(planned(right, count=COMPARED), COMPARED):
            witness = Witness(right, case)
            first, second = (witness.answers(each.plant(right)) for each in (one, other))
            results = [
                each for each in case.operation.results(case.geometry) if result in ("", each)
            ]
            if not all(witness.alike(first, second, result) for result in results):
                return False
    return True


def print_table(faults: dict[str, tuple[Fault, ...]], found: list[Named]) -> bool:
    """Print the table; whether few enough are named wrongly."""
    by_fault = {each.fault: each for each in found}
    print(head("family", "faults", *OUTCOMES))
    total: Counter[str] = Counter()
    for family, members in faults.items():
        counts = Counter(by_fault[fault.name].outcome for fault in members)
        total += counts
        print(row(family, len(members), *(counts[each] for each in OUTCOMES)))
    print(row("**all**", f"**{len(found)}**", *(f"**{total[each]}**" for each in OUTCOMES)))
    for outcome in ("wrong", "equal"):
        for each in (each for each in found if each.outcome == outcome):
            names = ", ".join(each.names)
            print(f"\n{outcome}: {each.fault} in {each.operation} is called {names}")
    return bool(100 * total["wrong"] <= MOST_WRONG * len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="two faults of each family")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    arguments = parser.parse_args()
    few = 2 if arguments.quick else None
    faults = {name: members[:few] for name, members in FAMILIES.items()}
    pairs = [(f.name, operation_for(f)) for members in faults.values() for f in members]
    sys.exit(0 if print_table(faults, spread(named, pairs, arguments.jobs)) else 1)


if __name__ == "__main__":
    main()
