"""What the checkers of generated kernels find, as if they were run on the backward.

    python -m benchmarks.graders            # the table of docs/benchmarks.md
    python -m benchmarks.graders --quick    # two faults of each family

KernelBench, robust-kbench, BackendBench, flashinfer-bench, Liger and FlagGems compare a kernel with
torch on random inputs, within tolerances that they publish. Each rule is written anew from what it
is documented to do, and read in its favour: it compares every gradient beside `y`, and shapes and
dtypes before values. Each is handed a geometry in which the fault shows, in float32 and C order,
with inputs and cotangent as it draws them: standard normal. A fault is found where the wrong kernel
is rejected and the right one passes on the same numbers.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.detection import head, row, spread
from benchmarks.material import kernel, operation_for, representative
from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.cases.layouts import C_ORDER
from bpcheck.checks.run import Run, hand, run
from bpcheck.explain.faults import FAMILIES, Fault, fault_named
from bpcheck.filling import fill
from bpcheck.oracles.autograd import autograd
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject

#: The dtype in which all of them are asked.
DTYPE = "float32"


@dataclass(frozen=True, slots=True)
class Grader:
    """A rule: ``abs(got - expected) <= atol + rtol * abs(expected)``, on so many draws.

    Parameters
    ----------
    name
        Whose rule it is.
    rtol
        Relative tolerance in float32.
    atol
        Absolute tolerance, for a result whose elements are sums of so many terms.
    draws
        How many random inputs are tried; all must pass.
    source
        Where the rule is stated.
    """

    name: str
    rtol: float
    atol: Callable[[int], float]
    draws: int
    source: str

    def passes(self, subject: Subject, case: Case) -> bool:
        """Whether the rule finds nothing wrong with any draw."""
        return all(self._agrees(subject, replace(case, seed=seed)) for seed in range(self.draws))

    def _agrees(self, subject: Subject, case: Case) -> bool:
        arrays = fill(case)
        got = run(subject, case, hand(case, arrays), params=subject.accepted(case.params))
        expected = autograd(case, arrays, dtype=DTYPE)
        terms = case.operation.terms(case.geometry)
        return _is_whole(got, expected) and all(
            np.allclose(
                np.asarray(got.raw[name], np.float64),
                values,
                rtol=self.rtol,
                atol=self.atol(terms[name]),
                equal_nan=True,
            )
            for name, values in expected.items()
        )


def _is_whole(got: Run, expected: Mapping[str, Array]) -> bool:
    """Whether there is an array of the right shape and dtype for each result."""
    return all(
        isinstance(array := got.raw.get(name), np.ndarray)
        and (array.shape, array.dtype.name) == (values.shape, DTYPE)
        for name, values in expected.items()
    )


GRADERS = (
    Grader(
        "KernelBench",
        rtol=1e-4,
        atol=lambda terms: 1e-4,
        draws=5,
        source="https://github.com/ScalingIntelligence/KernelBench",
    ),
    Grader(
        "robust-kbench",
        rtol=1e-5,
        atol=lambda terms: 1e-5,
        draws=5,
        source="https://github.com/SakanaAI/robust-kbench",
    ),
    Grader(
        "BackendBench",
        rtol=1e-2,
        atol=lambda terms: 1e-2,
        draws=1,
        source="https://github.com/meta-pytorch/BackendBench",
    ),
    Grader(
        "flashinfer-bench",
        rtol=1e-2,
        atol=lambda terms: 1e-2,
        draws=3,
        source="https://github.com/flashinfer-ai/flashinfer-bench",
    ),
    Grader(
        "Liger",
        rtol=1e-7,
        atol=lambda terms: 1e-4,
        draws=1,
        source="https://github.com/linkedin/Liger-Kernel",
    ),
    # Its absolute tolerance grows with the length of the sums.
    Grader(
        "FlagGems",
        rtol=1.3e-6,
        atol=lambda terms: 1e-4 * terms,
        draws=1,
        source="https://github.com/flagos-ai/FlagGems",
    ),
)


def found_by(name: str) -> dict[str, bool]:
    """By which rules a fault is told from the right kernel."""
    fault = fault_named(name)
    right, shown = kernel("reference", operation_for(fault)), representative(fault, DTYPE)
    if shown is None:
        return dict.fromkeys((each.name for each in GRADERS), False)
    case = replace(shown, values="real", layout=C_ORDER, one_hot=None)
    with one_thread():
        return {
            # Faults may keep state: each rule gets one planted anew.
            each.name: each.passes(right, case) and not each.passes(fault.plant(right), case)
            for each in GRADERS
        }


def print_table(faults: Mapping[str, tuple[Fault, ...]], found: list[dict[str, bool]]) -> None:
    """The table of what each rule finds, one line for each family."""
    names = [each.name for each in GRADERS]
    by_fault = dict(
        zip((f.name for members in faults.values() for f in members), found, strict=True)
    )
    total: Counter[str] = Counter()
    print(head("family", "faults", *names))
    for family, members in faults.items():
        counts = {name: sum(by_fault[fault.name][name] for fault in members) for name in names}
        total.update({"faults": len(members), **counts})
        print(row(family, len(members), *counts.values()))
    print(row("**all**", *(f"**{total[each]}**" for each in ("faults", *names))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="two faults of each family")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    arguments = parser.parse_args()
    few = 2 if arguments.quick else None
    faults = {name: members[:few] for name, members in FAMILIES.items()}
    chosen = [(fault.name,) for members in faults.values() for fault in members]
    print_table(faults, spread(found_by, chosen, arguments.jobs))


if __name__ == "__main__":
    main()
