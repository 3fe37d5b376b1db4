"""Whether an explanation is right: names, conditions, the smallest case, pairs, and lines.

    python -m benchmarks.explain            # the tables of docs/benchmarks.md; hours of one core
    python -m benchmarks.explain --quick    # a sample of each, by seed

1. Each fault of the catalogue is planted into a kernel of `reference/` and checked. Its *name* is
   right, equal (another one that gives the same numbers in every case tried), none or wrong. Its
   *condition* is the catalogue's where both tell the same of 95 % of fresh cases, and the fault's
   where it tells for 95 % of them whether they are wrong. The *smallest case* is small if no
   operand of it has more than 16 elements.
2. Pairs of faults drawn by seed, each of which shows alone too, are planted together; they are
   named if both names, and no wrong one, are told.
3. Slips in the source of NumPy kernels (`benchmarks/slips/`), none of which was used to choose what
   changes are tried: the line told is right, wrong, or none is told.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from benchmarks.detection import head, row, spread
from benchmarks.material import kernel, operation_for, planned
from benchmarks.naming import (
    CASES,
    LARGEST,
    Named,
    is_equal,
    names_in,
    print_table,
    reported,
)
from benchmarks.slips.lines import Located, located
from benchmarks.slips.planted import SLIPS
from bpcheck import check
from bpcheck.cases import Case, parse_case
from bpcheck.cases.layouts import join_layouts
from bpcheck.cases.repeats import REPEATING
from bpcheck.explain.answers import Witness
from bpcheck.explain.atoms import atoms_of
from bpcheck.explain.condition import Condition
from bpcheck.explain.faults import FAMILIES, Fault, fault_named, faults_of
from bpcheck.runner.one import judge
from bpcheck.runner.run import check_subject
from bpcheck.runner.threads import one_thread
from bpcheck.runner.work import Progress
from bpcheck.subject import Subject
from bpcheck.verdict import Judgement
from bpcheck.verdict.conditions import PLAIN, TIE, condition_of

#: Elements that an operand of a final case may have.
SMALL = 16

#: Fresh cases in which a condition is compared with that of the catalogue, and how many agree.
COMPARED, ALIKE = 300, 0.95

#: The checks that say whether a case is wrong.
VALUES = ("contract", "autograd", "ties", "NaN and infinity", "extreme values", "rounding")

#: Cases in which each fault of a pair must show alone.
ALONE = 6


@dataclass(frozen=True, slots=True)
class Explained:
    """What came of one fault."""

    named: Named
    condition: str
    is_small: bool
    where: str


def explained(name: str, operation: str) -> Explained:
    """Plant one fault, and compare what the report says with the catalogue."""
    report = reported(name, operation)
    defects = [each for each in report.judgements if each.verdict.is_defect]
    first = defects[0] if defects else None
    return Explained(
        names_in(report, name, operation),
        "not found" if first is None else _condition(fault_named(name), first, operation),
        first is not None and _is_small(parse_case(first.smallest)),
        "" if first is None else first.where,
    )


def _names(judgements: Sequence[Judgement], operation: str) -> list[tuple[Fault, str]]:
    """The faults that are named, those of pairs each for itself, and the results they are of."""
    by_what = {each.what: each for each in faults_of(operation)}
    found: dict[tuple[str, str], tuple[Fault, str]] = {}
    for judgement in judgements:
        told = judgement.looks_like.rpartition(" (explains")[0]
        for what in told.removeprefix("two mistakes at once: ").split("; and "):
            if what in by_what:
                fault = by_what[what]
                found[fault.name, judgement.result] = fault, judgement.result
    return list(found.values())


def _condition(fault: Fault, judgement: Judgement, operation: str) -> str:
    """Whose condition is told: what fresh cases say of it, of the catalogue's, and of the fault."""
    if judgement.tested is None:
        return "not tested"
    right = kernel("reference", operation)
    wrong, condition = fault.plant(right), Condition(judgement.tested.names)
    alike = true = total = 0
    for case in planned(right, count=COMPARED, seed=2):
        plain = _undressed(replace(case, values=_values(judgement, case)), judgement)
        is_there = judgement.result in case.operation.results(case.geometry)
        if 0 in case.shapes["y"] or condition_of(plain) != judgement.tested.among or not is_there:
            continue
        total += 1
        is_met = condition.holds(atoms_of(plain, dresses=True))
        alike += is_met == fault.shows(plain)
        true += is_met == _is_wrong(wrong, plain, judgement.result)
    if total and alike >= ALIKE * total:
        return "the catalogue's"
    return "the fault's" if total and true >= ALIKE * total else "another"


def _undressed(case: Case, judgement: Judgement) -> Case:
    """Without layouts that make equal numbers, where the condition is not one of values."""
    if judgement.tested is None or judgement.tested.among != PLAIN:
        return case
    kept = {name: each for name, each in case.layouts.items() if each not in REPEATING}
    return replace(case, layout=join_layouts(kept))


def _is_wrong(wrong: Subject, case: Case, result: str) -> bool:
    with one_thread():
        judged = judge(wrong, case, checks=VALUES)
    return any(each.result == result and each.verdict.is_defect for each in judged.rulings)


def _values(judgement: Judgement, case: Case) -> str:
    among = judgement.tested.among if judgement.tested else PLAIN
    if among == PLAIN:
        return "exact" if "exact" in case.operation.value_kinds else case.values
    return "ties" if among == TIE else parse_case(judgement.smallest).values


def _is_small(case: Case) -> bool:
    shapes = case.operation.operand_shapes(case.geometry).values()
    return all(prod(shape) <= SMALL for shape in shapes)


def pairs(count: int, seed: int = 0) -> Iterator[tuple[str, str, str]]:
    """Pairs of faults of values that show alone, each in `ALONE` cases, and their operation.

    A fault that makes a gradient anew leaves nothing of one planted before it: that is no pair.
    """
    rng = np.random.default_rng((seed, *b"pairs"))
    faults = [
        each for family in FAMILIES.values() for each in family if "autograd" in each.caught_by
    ]
    given = 0
    while given < count:
        one, other = (faults[int(place)] for place in rng.choice(len(faults), 2, replace=False))
        operation = operation_for(one)
        if operation in other.operations and _show_alone(one, other, operation):
            given += 1
            yield one.name, other.name, operation


def _show_alone(one: Fault, other: Fault, operation: str) -> bool:
    right = kernel("reference", operation)
    wrong = other.plant(one.plant(right))
    shown = Counter[str]()
    with one_thread():
        for case in planned(right, count=CASES, profile="quick"):
            alone = [fault for fault in (one, other) if fault.shows(case)]
            if len(alone) == 1 and right.operation.multiplications(case.geometry) <= LARGEST:
                shown[alone[0].name] += _shows_as(alone[0], wrong, Witness(right, case), right)
    return min(shown[one.name], shown[other.name]) >= ALONE


def _shows_as(fault: Fault, wrong: Subject, witness: Witness, right: Subject) -> bool:
    """Whether a kernel gives in a case the numbers of one fault, which are not the right ones."""
    said, meant = witness.answers(wrong), witness.answers(fault.plant(right))
    results = witness.case.results
    return all(witness.alike(said, meant, each) for each in results) and not all(
        witness.alike(meant, witness.right, each) for each in results
    )


def pair_named(one: str, other: str, operation: str) -> str:
    """Plant both: ``both``, ``one``, ``none``, or ``wrong`` where any other name is told."""
    first, second = fault_named(one), fault_named(other)
    right = kernel("reference", operation)
    wrong = second.plant(first.plant(right))
    report = check(wrong, profile="quick", count=CASES, largest=LARGEST)
    told = _names(report.judgements, operation)
    found: set[str] = set()
    for each, result in told:
        # What gives the same in the result that it is told of is a right name for that.
        meant = next(
            (f for f in (first, second) if each is f or is_equal(f, each, right, result)), None
        )
        if meant is None:
            return "wrong"
        found.add(meant.name)
    return {0: "none", 1: "one", 2: "both"}[len(found)]


def seconds_to_explain(name: str, operation: str) -> float:
    """What a quick run takes after its last case, without the search for a line."""
    subject = fault_named(name).plant(kernel("reference", operation))
    last = time.process_time()

    def step(progress: Progress) -> None:
        nonlocal last
        if progress.phase == "checking":
            last = time.process_time()

    check_subject(subject, profile="quick", on_progress=step)
    return time.process_time() - last


def _print_counts(title: str, counts: Counter[str], order: Sequence[str]) -> None:
    total = max(1, counts.total())
    print(f"\n## {title}\n")
    print(head("", *order))
    print(row(f"of {counts.total()}", *(counts[each] for each in order)))
    print(row("%", *(f"{100 * counts[each] / total:.0f}" for each in order)))


def print_faults(faults: Sequence[Fault], found: Sequence[Explained]) -> None:
    """Names, conditions and sizes."""
    print("\n## Names\n")
    families = {name: tuple(f for f in every if f in faults) for name, every in FAMILIES.items()}
    print_table(
        {name: few for name, few in families.items() if few}, [each.named for each in found]
    )
    conditions = ("the catalogue's", "the fault's", "another", "not tested", "not found")
    _print_counts("Conditions", Counter(each.condition for each in found), conditions)
    sizes = Counter("small" if each.is_small else "larger" for each in found)
    _print_counts(
        f"Final cases of at most {SMALL} elements in each operand", sizes, ("small", "larger")
    )
    for each in found:
        named = each.named
        if named.outcome not in ("right", "equal") or each.condition not in conditions[:2]:
            told = " ".join((named.outcome, ", ".join(named.names)))
            print(f"- {named.fault}: {told}; {each.condition}: {each.where}")


def print_lines(found: Sequence[Located]) -> None:
    """Lines of slips."""
    counts = Counter(each.outcome for each in found)
    _print_counts("Lines of slips", counts, ("right", "wrong", "silent", "no defect"))
    for each in found:
        if each.outcome != "right":
            print(f"- {each.outcome}: {each.slip.kernel}, {each.slip.wrong!r} {each.repair}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a sample of each, by seed")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and of the pairs (0)")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--only", choices=("faults", "pairs", "lines", "seconds"))
    arguments = parser.parse_args()
    rng = np.random.default_rng((arguments.seed, *b"explain"))
    faults = [each for family in FAMILIES.values() for each in family]
    slips, count = list(SLIPS), 100
    if arguments.quick:
        faults = [faults[int(place)] for place in rng.choice(len(faults), 24, replace=False)]
        slips = [slips[int(place)] for place in rng.choice(len(slips), 16, replace=False)]
        count = 10
    wanted = [arguments.only] if arguments.only else ["faults", "pairs", "lines", "seconds"]
    if "faults" in wanted:
        tasks = [(each.name, operation_for(each)) for each in faults]
        print_faults(faults, spread(explained, tasks, arguments.jobs))
    if "pairs" in wanted:
        drawn = list(pairs(count, arguments.seed))
        outcomes = spread(pair_named, drawn, arguments.jobs)
        _print_counts("Pairs of faults", Counter(outcomes), ("both", "one", "none", "wrong"))
        for (one, other, operation), outcome in zip(drawn, outcomes, strict=True):
            if outcome != "both":
                print(f"- {outcome}: {one} and {other} in {operation}")
    if "lines" in wanted:
        print_lines(spread(located, [(each,) for each in slips], arguments.jobs))
    if "seconds" in wanted:
        values = [each for each in faults if "autograd" in each.caught_by][:5]
        taken = spread(seconds_to_explain, [(f.name, operation_for(f)) for f in values], 1)
        print("\n## Seconds of the processor after the last case of a quick run, without repair\n")
        print(", ".join(f"{each:.1f}" for each in taken))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
