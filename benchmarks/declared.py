"""False alarms of operations that are declared by a function: torch's own kernels of each.

    python -m benchmarks.declared [--count N] [NAME ...]

Every alarm is printed with its case; what is known to be torch's own is named in `KNOWN`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import bpcheck
from bpcheck.calls import own_arithmetic
from bpcheck.operations import library_names, operation_named
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge

DTYPES = ("float64", "float32", "bfloat16")


def alarms(name: str, dtype: str, count: int) -> Iterator[str]:
    """What is told of torch's own kernel of an operation, one line for each ruling."""
    operation: Any = operation_named(name)
    subject = bpcheck.adapters.torch(
        operation.reference, operation=operation, name=name, dtypes=[dtype]
    )
    plan = Plan(operation, profile=PROFILES["default"], dtypes=[dtype], count=count)
    for case in islice(plan, count):
        for ruling in judge(subject, case).rulings:
            if ruling.verdict.is_defect:
                yield f"{ruling.result}: {ruling.verdict} | {ruling.because} | {case}"


@own_arithmetic()
def main() -> None:
    """Print a table, and each alarm below it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--dtype", action="append", choices=DTYPES)
    parser.add_argument("names", nargs="*", default=library_names())
    asked = parser.parse_args()
    found: Counter[tuple[str, str]] = Counter()
    told: list[str] = []
    print("| operation | dtype | cases | alarms | s |\n|---|---|--:|--:|--:|")
    for name in asked.names:
        for dtype in asked.dtype or DTYPES:
            start = time.process_time()
            every = list(alarms(name, dtype, asked.count))
            found[name, dtype] = len(every)
            told += every
            spent = time.process_time() - start
            row = f"| {name} | {dtype} | {asked.count} | {len(every)} | {spent:.1f} |"
            print(row, flush=True)
            for line in every[:3]:
                print("   ", line[:400], flush=True)


if __name__ == "__main__":
    main()
