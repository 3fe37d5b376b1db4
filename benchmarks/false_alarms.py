"""False alarms: how often each checker rejects a kernel that is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np

from benchmarks.hunting import is_rejected
from benchmarks.known_of_torch import is_known_of_torch
from benchmarks.material import (
    HALF,
    kernel,
    numbers,
    operations_of,
    planned,
)
from benchmarks.rivals import rivals
from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.operations import operation_named
from bpcheck.planning.draws import integers_from
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.verdict import Verdict
from bpcheck.verdict.judged import Judged

#: Cases that one task judges: small enough that the tasks end together.
CHUNK = 500

#: What the rivals are asked about; ties come up behind every ReLU.
KINDS_FOR_RIVALS = (("real", "float64"), ("real", "float32"), ("ties", "float64"))

#: Numbers in all arrays of such a case, at most.
SMALL_FOR_RIVALS = 50

#: Cases of a rival that one task asks about.
ASKED = 100


@dataclass(frozen=True, slots=True)
class Alarms:
    """Right kernels judged by bpcheck.

    Parameters
    ----------
    kernels
        Whose they are.
    kinds
        How many cases there were of each dtype and of each value kind.
    alarms
        Cases in which something counted against the kernel, with the rulings.
    left_out
        Cases in which torch is known to err or to crash, and which it was not asked.
    """

    kernels: str
    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    alarms: tuple[str, ...] = ()
    left_out: int = 0

    def __add__(self, other: Alarms) -> Alarms:
        return Alarms(
            self.kernels,
            self.cases + other.cases,
            self.kinds + other.kinds,
            self.alarms + other.alarms,
            self.left_out + other.left_out,
        )


@dataclass(frozen=True, slots=True)
class RivalAlarms:
    """Right kernels judged by the rivals: alarms by rival, of `cases` cases each."""

    kernels: str
    kind: str
    cases: int
    alarms: Counter[str]

    def __add__(self, other: RivalAlarms) -> RivalAlarms:
        return RivalAlarms(
            self.kernels, self.kind, self.cases + other.cases, self.alarms + other.alarms
        )


def tasks(kernels: str, total: int) -> Iterator[tuple[str, str, int, int]]:
    """Arguments of `judge_right` for `total` cases or a few more, spread over the operations."""
    operations = operations_of(kernels)
    # A few more than that, for those that are left out.
    each = -(-total // len(operations)) + total // 500
    for operation in operations:
        for seed, begin in enumerate(range(0, each, CHUNK)):
            # Seed 0 is that of the hunt.
            yield kernels, operation, min(CHUNK, each - begin), seed + 1


def judge_right(kernels: str, operation: str, count: int, seed: int) -> Alarms:
    """Judge the right kernel of one operation in the first `count` cases of a plan."""
    subject, cases = kernel(kernels, operation), 0
    kinds: Counter[str] = Counter()
    alarms, left_out = [], 0
    with one_thread():
        for case in planned(subject, count=count, seed=seed):
            if kernels in ("torch", HALF) and is_known_of_torch(case):
                left_out += 1
                continue
            judged = judge(subject, case)
            if kernels == HALF and _only_narrow(judged):
                left_out += 1
                continue
            cases += not judged.unsupported
            kinds.update([case.dtype, case.values])
            if is_rejected(judged):
                rulings = ", ".join(f"{each.result} {each.verdict}" for each in judged.rulings)
                alarms.append(f"{case}: {rulings}")
    return Alarms(kernels, cases, kinds, tuple(alarms), left_out)


def _only_narrow(judged: Judged) -> bool:
    """Whether sums in a narrow type are all there is: docs/found-in-torch.md has the paths."""
    defects = [each for each in judged.rulings if each.verdict.is_defect]
    return bool(defects) and all(each.verdict is Verdict.LOST_PRECISION for each in defects)


def tasks_for_rivals(kernels: str, total: int) -> Iterator[tuple[str, str, str, str, int, int]]:
    """Arguments of `ask_rivals_about_right` for `total` cases or a few more, spread evenly."""
    operations = [name for name in operations_of(kernels) if name != "network"]
    each = -(-total // (len(operations) * len(KINDS_FOR_RIVALS)))
    for values, dtype in KINDS_FOR_RIVALS:
        for operation in operations:
            for seed, begin in enumerate(range(0, each, ASKED)):
                yield kernels, operation, values, dtype, min(ASKED, each - begin), seed + 1


def ask_rivals_about_right(
    kernels: str, operation: str, values: str, dtype: str, most: int, seed: int
) -> RivalAlarms:
    """Ask every rival about `most` small cases of a right kernel."""
    cases = list(islice(_asked(kernels, operation, values, dtype, seed), most))
    alarms: Counter[str] = Counter()
    with one_thread():
        for rival in rivals():
            passed = sum(rival.passes(kernel(kernels, operation), case) for case in cases)
            alarms[rival.name] = len(cases) - passed
    return RivalAlarms(kernels, f"{values} {dtype}", len(cases), alarms)


def _asked(kernels: str, operation: str, values: str, dtype: str, seed: int) -> Iterator[Case]:
    subject, promise = kernel(kernels, operation), operation_named(operation)
    integers = integers_from(np.random.default_rng(seed))
    for number in count():
        case = Case(operation_named(operation), promise.draw(integers), dtype, values, seed=number)
        if case.geometry.n and numbers(case) <= SMALL_FOR_RIVALS and not unclaimed(subject, case):
            yield case
