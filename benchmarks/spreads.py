"""By how many spreads of random rounding torch's own kernels are off: what the multiple is made of.

    python -m benchmarks.spreads [--count N] [--second] [NAME ...]

Each row is the largest ratio of an error to its spread over all elements of all results, the last
rounding taken off the error as the bound does; with ``--second`` of all second derivatives, the
last rounding being a part of the spread.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

import bpcheck
from bpcheck.arithmetic import FORMATS
from bpcheck.calls import own_arithmetic
from bpcheck.checks import Trial
from bpcheck.checks.tensors.asked import Asked, numbers, tried, why_not_here
from bpcheck.checks.tensors.seconds import directions, seconds_of, why_no_seconds
from bpcheck.operations import library_names, operation_named
from bpcheck.operations.declared.rounding import MULTIPLE, spreads_of
from bpcheck.oracles.second_order import second_order
from bpcheck.planning.plan import Plan
from bpcheck.planning.profiles import PROFILES

DTYPES = ("float32", "bfloat16")


def ratios(name: str, dtype: str, count: int) -> Iterator[float]:
    """The largest ratio in each case of torch's own kernel."""
    operation: Any = operation_named(name)
    subject = bpcheck.adapters.torch(
        operation.reference, operation=operation, name=name, dtypes=[dtype]
    )
    stored = FORMATS[dtype].unit_roundoff
    for case in islice(Plan(operation, profile=PROFILES["default"], dtypes=[dtype]), count):
        trial = Trial(subject, case)
        arrays = {**trial.arrays.operands, "y_bar": trial.arrays.y_bar}
        wide = {each: np.asarray(array, np.float64) for each, array in arrays.items()}
        found = spreads_of(operation, wide, case.params, stored, min(stored, 2.0**-24))
        for result, (spread, size) in found.items():
            if result not in trial.got:
                continue
            off = np.abs(trial.got[result] - trial.autograd[result]) - 2 * stored * size
            counts = np.isfinite(off) & (off > 0) & (spread > 0)
            yield float(np.max(off[counts] / spread[counts], initial=0.0))


def second_ratios(name: str, dtype: str, count: int) -> Iterator[float]:
    """The same of torch's own double backward, in the cases that are asked for it."""
    operation: Any = operation_named(name)
    subject = bpcheck.adapters.torch(
        operation.reference, operation=operation, name=name, dtypes=[dtype]
    )
    for case in islice(Plan(operation, profile=PROFILES["default"], dtypes=[dtype]), count):
        trial = Trial(subject, case)
        if why_not_here(trial) or why_no_seconds(trial):
            continue
        asked, right = Asked.of(trial), seconds_of(trial)
        along = {name: asked.tensor(each) for name, each in directions(trial).items()}
        y_bar = asked.cotangent.requires_grad_()
        given = {name: each.to(y_bar.dtype) for name, each in along.items()}
        ended = tried(second_order, asked.apply, asked.leaves(), y_bar, given)
        if not ended.returned or right is None:
            continue
        for pair, each in ended.value.items():
            if each is not None:
                got = numbers(each)
                off, bound = np.abs(got - right.value(pair, got)), right.bound(pair, got)
                counts = np.isfinite(bound) & (off > 0) & (bound > 0)
                yield MULTIPLE * float(np.max(off[counts] / bound[counts], initial=0.0))


@own_arithmetic()
def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--second", action="store_true")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    smooth = [
        name for name in library_names() if getattr(operation_named(name), "summed_apart", False)
    ]
    print(f"| operation | {' | '.join(DTYPES)} |\n|---|{'--:|' * len(DTYPES)}")
    for name in asked.names or smooth:
        measured = second_ratios if asked.second else ratios
        row = (max(measured(name, dtype, asked.count), default=0.0) for dtype in DTYPES)
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in row)} |", flush=True)


if __name__ == "__main__":
    main()
