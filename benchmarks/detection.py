"""What bpcheck finds, and what other gradient checkers find, in one run.

    python -m benchmarks.detection                      # the tables of docs/benchmarks.md
    python -m benchmarks.detection --quick              # a small version; some minutes
    python -m benchmarks.detection --every-operation    # each fault in all operations it can be in

1. The kill rate over the catalogue of faults: bpcheck in a `default` run, the others in one small
   case in which the fault shows. A fault is found where the wrong kernel is rejected and the right
   one passes in the same case.
2. The cases and the processor's seconds that bpcheck takes to the first detection.
3. False alarms of all of them on right kernels.

Everything but the seconds follows from seeds. It exits with 1 if bpcheck misses a fault, takes more
than a minute for one, or rejects a right kernel.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from operator import add
from typing import Any, TypeVar

from benchmarks.false_alarms import (
    Alarms,
    RivalAlarms,
    ask_rivals_about_right,
    judge_right,
    tasks,
    tasks_for_rivals,
)
from benchmarks.hunting import Asked, Found, ask_rivals, columns, hunt
from benchmarks.material import KERNELS, OWN_KERNELS, operation_for
from benchmarks.rivals import rivals
from bpcheck.explain.faults import FAMILIES, Fault

T = TypeVar("T")

#: Seconds in which every fault must be found.
LIMIT_S = 60


def spread(function: Callable[..., T], arguments: Sequence[tuple[Any, ...]], jobs: int) -> list[T]:
    """The results in the order of `arguments`; a line on the standard error counts them."""
    if jobs == 1:
        return list(_counted((function(*each) for each in arguments), len(arguments)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        futures = [pool.submit(function, *each) for each in arguments]
        return list(_counted((future.result() for future in futures), len(futures)))


def _counted(results: Iterable[T], total: int) -> Iterator[T]:
    for done, result in enumerate(results, 1):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} of {total}" + "\n" * (done == total))
        yield result


def row(*cells: object) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(first: str, *others: str) -> str:
    """The first two lines of a table of numbers."""
    return f"{row(first, *others)}\n{row('---', *['---:'] * len(others))}"


def print_kills(
    faults: Mapping[str, Sequence[Fault]], found: list[Found], asked: list[Asked]
) -> None:
    """The table of the kill rate, one line for each family."""
    missed = {each.fault for each in found if not each.cases}
    killed = {each.fault: each.killed for each in asked}
    total: Counter[str] = Counter()
    print(head("family", "faults", "bpcheck", *columns()))
    for family, members in faults.items():
        counts = Counter({"bpcheck": sum(fault.name not in missed for fault in members)})
        for column in columns():
            counts[column] = sum(killed[fault.name][column] is True for fault in members)
        counts["faults"] = len(members)
        total += counts
        print(row(family, len(members), *(counts[each] for each in ("bpcheck", *columns()))))
    print(row("**all**", *(f"**{total[each]}**" for each in ("faults", "bpcheck", *columns()))))
    hidden = {column: sum(each[column] is None for each in killed.values()) for column in columns()}
    said = ", ".join(f"{column} {number}" for column, number in hidden.items() if number)
    print(f"\nFaults that show in no small case of a column's dtype: {said or 'none'}.")
    found_by_none = [name for name, each in killed.items() if not any(each.values())]
    print(f"Found by bpcheck alone: {len([n for n in found_by_none if n not in missed])}.")


def print_quick(found: list[Found]) -> None:
    """How many a `quick` run finds, and which it does not."""
    missed = [f"{each.fault} in {each.operation}" for each in found if not each.cases]
    print(f"`quick` finds {len(found) - len(missed)} of {len(found)}. It misses: ", end="")
    print(f"{', '.join(missed) or 'none'}.\n")


def print_cost(found: list[Found]) -> None:
    """Cases and seconds to the first detection."""
    hits = [each for each in found if each.cases]
    cases, seconds = [each.cases for each in hits], [each.seconds for each in hits]
    print(f"{len(hits)} of {len(found)} pairs of a fault and an operation that can have it found.")
    for each in found:
        if not each.cases:
            print(f"MISSED: {each.fault} in {each.operation}, after {each.seconds:.0f} s")
    print()
    print(head("to the first detection", "median", "90 %", "largest"))
    print(row("cases", *_spread_of(cases, "{:.0f}")))
    print(row("seconds of one core", *_spread_of(seconds, "{:.2f}")))
    late = sum(each.seconds > LIMIT_S for each in hits)
    print(f"\nFound in the first case: {sum(each == 1 for each in cases)} of {len(cases)}.")
    print(f"Found after more than {LIMIT_S} s: {late}.")
    print("The last to be found:\n")
    print(head("fault", "operation", "cases", "seconds"))
    for each in sorted(hits, key=lambda each: -each.cases)[:8]:
        print(row(each.fault, each.operation, each.cases, f"{each.seconds:.1f}"))


def _spread_of(values: Sequence[float], form: str) -> tuple[str, ...]:
    if len(values) < 2:
        return (*(form.format(value) for value in values),) * 3
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tuple(form.format(each) for each in (statistics.median(values), tenths[-1], max(values)))


def print_alarms(alarms: list[Alarms]) -> None:
    """The table of bpcheck's false alarms."""
    kinds_told = ("ties", "special", "float64", "float32", "float16", "bfloat16")
    print(head("right kernels", "cases", *kinds_told, "left out", "false alarms"))
    for _, group in groupby(alarms, key=lambda each: each.kernels):
        each = reduce(add, group)
        kinds = (each.kinds[kind] for kind in kinds_told)
        print(row(each.kernels, each.cases, *kinds, each.left_out, len(each.alarms)))
    for each in alarms:
        for alarm in each.alarms:
            print(f"ALARM on {each.kernels}: {alarm}")


def print_rivals_alarms(alarms: list[RivalAlarms]) -> None:
    """The table of the rivals' false alarms."""
    names = [rival.name for rival in rivals()]
    print(head("right kernels, values", "cases", *names))
    for _, group in groupby(alarms, key=lambda each: (each.kernels, each.kind)):
        each = reduce(add, group)
        print(row(f"{each.kernels}, {each.kind}", each.cases, *(each.alarms[n] for n in names)))


def run(*, faults: int | None, cases: int, asked: int, every: bool, jobs: int) -> bool:
    """Measure and print everything; whether bpcheck found all in time, and never cried wolf.

    Parameters
    ----------
    faults
        How many of each family; ``None`` for all.
    cases
        Random cases of each set of right kernels for bpcheck.
    asked
        Small random cases of each set of right kernels for the rivals.
    every
        Whether to hunt in all operations that can have a fault, not in one.
    jobs
        Worker processes.
    """
    families = {name: members[:faults] for name, members in FAMILIES.items()}
    chosen = [fault for members in families.values() for fault in members]
    print(f"{_versions()}; {jobs} worker processes.\n")
    print("## Faults found\n")
    pairs = [
        (fault.name, operation)
        for fault in chosen
        for operation in (fault.operations if every else (operation_for(fault),))
    ]
    found = spread(hunt, pairs, jobs)
    print_kills(families, found, spread(ask_rivals, [(fault.name,) for fault in chosen], jobs))
    if not find_spec("jax"):
        print("JAX is not installed: left out.")
    print("\n## What bpcheck takes to find them\n")
    print_cost(found)
    print_quick(spread(hunt, [(*pair, "quick") for pair in pairs], jobs))
    sys.stdout.flush()
    print("\n## False alarms of bpcheck on right kernels\n")
    right = [task for kernels in OWN_KERNELS for task in tasks(kernels, cases)]
    alarms = spread(judge_right, right, jobs)
    print_alarms(alarms)
    sys.stdout.flush()
    if not all(each.cases and each.seconds <= LIMIT_S for each in found):
        print("\nbpcheck missed a fault, or took too long for one.")
    print("\n## False alarms of the others on right kernels\n")
    about = [task for kernels in KERNELS for task in tasks_for_rivals(kernels, asked)]
    print_rivals_alarms(spread(ask_rivals_about_right, about, jobs))
    in_time = all(each.cases and each.seconds <= LIMIT_S for each in found)
    return in_time and not any(each.alarms for each in alarms)


def _versions() -> str:
    names = ("torch", "numpy", "jax") if find_spec("jax") else ("torch", "numpy")
    return ", ".join(f"{name} {version(name)}" for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="few faults, few cases")
    parser.add_argument("--every-operation", action="store_true", help="hunt in all operations")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    arguments = parser.parse_args()
    every, jobs = arguments.every_operation, arguments.jobs
    if arguments.quick:
        is_good = run(faults=2, cases=300, asked=54, every=every, jobs=jobs)
    else:
        is_good = run(faults=None, cases=20_000, asked=20_000, every=every, jobs=jobs)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
