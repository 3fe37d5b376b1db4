"""By how many spreads of random rounding torch's own kernels are off: what the multiple is made of.

    python -m benchmarks.spreads [--count N] [NAME ...]

Each row is the largest ratio of an error to its spread over all elements of all results, the last
rounding taken off the error as the bound does.
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
from bpcheck.operations import library_names, operation_named
from bpcheck.operations.declared.rounding import spreads_of
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


@own_arithmetic()
def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    smooth = [
        name for name in library_names() if getattr(operation_named(name), "summed_apart", False)
    ]
    print(f"| operation | {' | '.join(DTYPES)} |\n|---|{'--:|' * len(DTYPES)}")
    for name in asked.names or smooth:
        row = (max(ratios(name, dtype, asked.count), default=0.0) for dtype in DTYPES)
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in row)} |", flush=True)


if __name__ == "__main__":
    main()
