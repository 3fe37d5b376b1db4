"""False alarms of bpcheck alone: every set of right kernels, in the random cases of `default` runs.

    python -m benchmarks.alarms                         # the table of docs/benchmarks.md
    python -m benchmarks.alarms --minutes 30            # as many of the cases as are judged in time
    python -m benchmarks.alarms --kernels torch loops   # some of the kernels

The sets take turns, 500 cases of one operation each, so that a run that ends early has cases of all
of them. It exits with 1 if anything counts against a right kernel.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from benchmarks.detection import print_alarms
from benchmarks.false_alarms import Alarms, judge_right, tasks
from benchmarks.material import OWN_KERNELS


def in_turns(kernels: Sequence[str], total: int) -> Iterator[tuple[str, str, int, int]]:
    """The tasks of all sets of kernels, the first cases of each operation before any others."""
    by_seed = [sorted(tasks(each, total), key=lambda task: task[3]) for each in kernels]
    return (task for task in chain.from_iterable(zip_longest(*by_seed)) if task is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=20_000, help="of each set (20,000)")
    parser.add_argument("--minutes", type=float, help="no task begins after so many")
    parser.add_argument("--kernels", nargs="+", choices=OWN_KERNELS, default=OWN_KERNELS)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes else float("inf")
    found: list[Alarms] = []
    for task in in_turns(arguments.kernels, arguments.cases):
        if time.monotonic() > end:
            break
        alarms = judge_right(*task)
        found.append(alarms)
        print(f"{alarms.kernels}, {task[1]}: {alarms.cases} cases", file=sys.stderr, flush=True)
        for each in alarms.alarms:
            # At once: a run takes an hour.
            print(f"ALARM on {alarms.kernels}: {each}", file=sys.stderr, flush=True)
    order = list(arguments.kernels)
    print_alarms(sorted(found, key=lambda each: order.index(each.kernels)))
    sys.exit(any(each.alarms for each in found))


if __name__ == "__main__":
    main()
