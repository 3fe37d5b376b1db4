"""Hunting for one fault: what each checker makes of a kernel with it and of the right one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.material import (
    judged_in_a_run,
    kernel,
    operation_for,
    planned,
    representative,
)
from benchmarks.rivals import Rival, rivals
from bpcheck.cases import Case
from bpcheck.explain.faults import fault_named
from bpcheck.finding import Status
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged


@dataclass(frozen=True, slots=True)
class Found:
    """How bpcheck fared with a fault in one operation.

    Parameters
    ----------
    cases
        Cases of a run up to the first detection; 0 if there was none in all of them.
    seconds
        Of the processor, until then.
    case
        The case of the first detection, and what was said of it.
    checks
        The checks that failed in it.
    """

    fault: str
    operation: str
    cases: int
    seconds: float
    case: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """How the rivals fared: by column, whether the fault was told from the right kernel.

    ``None`` where there is no small case of that dtype in which the fault shows.
    """

    fault: str
    killed: dict[str, bool | None]


def columns() -> dict[str, tuple[Rival, str]]:
    """The rivals by column of the table: once for each dtype."""
    return {
        rival.name if len(rival.dtypes) == 1 else f"{rival.name} {dtype}": (rival, dtype)
        for rival in rivals()
        for dtype in rival.dtypes
    }


def hunt(name: str, operation: str, profile: str = "default") -> Found:
    """Run bpcheck in the order of its plan until it finds a fault."""
    right = kernel("reference", operation)
    wrong, most = fault_named(name).plant(right), PROFILES[profile].total(right.operation)
    start = time.process_time()
    with one_thread():
        for index, case in enumerate(planned(right, count=most, profile=profile), 1):
            judged = judged_in_a_run(wrong, case, profile)
            if is_rejected(judged) and not is_rejected(judge(right, case)):
                seconds = time.process_time() - start
                return Found(name, operation, index, seconds, _said(judged), _failed(judged))
    return Found(name, operation, 0, time.process_time() - start)


def is_rejected(judged: Judged) -> bool:
    """Whether something counts against the subject."""
    return any(ruling.verdict.is_defect for ruling in judged.rulings)


def _said(judged: Judged) -> str:
    rulings = ", ".join(f"{each.result} {each.verdict}" for each in judged.rulings)
    return f"{judged.case}: {rulings}"


def _failed(judged: Judged) -> tuple[str, ...]:
    failed = (each.check for each in judged.outcomes if each.status is Status.FAILED)
    return tuple(dict.fromkeys(failed))


def ask_rivals(name: str) -> Asked:
    """Ask every rival about one case in which a fault shows."""
    fault = fault_named(name)
    right = kernel("reference", operation_for(fault))
    cases = {
        dtype: representative(fault, dtype)
        for dtype in dict.fromkeys(dtype for _, dtype in columns().values())
    }
    killed: dict[str, bool | None] = {}
    for column, (rival, dtype) in columns().items():
        case = cases[dtype]
        # Faults may keep state: each rival gets one planted anew.
        wrong = fault.plant(right)
        killed[column] = None if case is None else tells_apart(rival, right, wrong, case)
    return Asked(name, killed)


def tells_apart(rival: Rival, right: Subject, wrong: Subject, case: Case) -> bool:
    """Whether the wrong kernel is rejected in a case in which the right one passes."""
    with one_thread():
        return not rival.passes(wrong, case) and rival.passes(right, case)
