"""Faults of other operations: how many cases of a quick run each takes, and what right kernels get.

Run it from the root of the repository::

    python -m benchmarks.operations
    python -m benchmarks.operations --only layer_norm --cases 60

Every fault of `benchmarks/operations_material/` is judged in the cases of a quick run of its
declared operation, in their order, until something counts against it that does not count against
the right kernel. The right kernels are judged in all of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import islice

from benchmarks.hunting import is_rejected
from benchmarks.operations_material import FAULTS, OPERATIONS, Fault
from benchmarks.operations_material.declared import DECLARATIONS, declared
from bpcheck.cases import Case
from bpcheck.errors import BpcheckError
from bpcheck.operations import Operation
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

DTYPES = ("float32", "float64", "bfloat16")


@cache
def operation_of(name: str) -> Operation:
    """The declared operation: what is found out of it is found out once."""
    operation: Operation = declared(OPERATIONS[name])
    return operation


@cache
def right(name: str, dtypes: tuple[str, ...]) -> Subject:
    """The right kernel as a subject."""
    kernel = OPERATIONS[name]
    return Subject(kernel.forward, kernel.vjp, operation=operation_of(name), dtypes=dtypes)


@cache
def cases(name: str, dtypes: tuple[str, ...], most: int) -> tuple[Case, ...]:
    """The cases of a quick run."""
    stream = plan(operation_of(name), profile=PROFILES["quick"], dtypes=list(dtypes), seed=0)
    return tuple(islice(stream, most))


@cache
def of_right(name: str, dtypes: tuple[str, ...], case: Case) -> Judged:
    """What the right kernel gets in a case."""
    return judge(right(name, dtypes), case)


def said(judged: Judged) -> str:
    """What counts against a kernel, and in which case."""
    first = next(ruling for ruling in judged.rulings if ruling.verdict.is_defect)
    return f"{first.result} {first.verdict} | {judged.case}"


def dtypes_of(fault: Fault) -> tuple[str, ...]:
    """The dtypes that a fault is looked for in."""
    return DTYPES[:2] if fault.dtype == "float64" else (fault.dtype,)


def hunt(fault: Fault, most: int) -> str:
    """In which case of the plan a fault is found, and by what."""
    dtypes = dtypes_of(fault)
    wrong = Subject(
        fault.forward, fault.vjp, operation=operation_of(fault.operation), dtypes=dtypes
    )
    start = time.process_time()
    for index, case in enumerate(cases(fault.operation, dtypes, most), 1):
        judged = judge(wrong, case)
        if is_rejected(judged) and not is_rejected(of_right(fault.operation, dtypes, case)):
            return f"found in {index} | {time.process_time() - start:.1f} s | {said(judged)}"
    return f"MISSED in {len(cases(fault.operation, dtypes, most))}"


def alarms(name: str, dtype: str, most: int) -> str:
    """In how many cases a right kernel is rejected, and the first of them."""
    start = time.process_time()
    judged = [of_right(name, (dtype,), case) for case in cases(name, (dtype,), most)]
    rejected = [each for each in judged if is_rejected(each)]
    seconds = time.process_time() - start
    first = f" | {said(rejected[0])}" if rejected else ""
    return f"{len(rejected)} of {len(judged)} rejected | {seconds:.1f} s{first}"


def asked(question: Callable[[], str]) -> str:
    """The answer, or why there is none."""
    try:
        return question()
    except BpcheckError as error:
        return f"NOT ASKED: {error}"
    except Exception as error:  # noqa: BLE001 - see below
        # What goes wrong in bpcheck itself is an answer too, and the other faults are asked for.
        return f"CRASHED: {type(error).__name__}: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="operations with it in the name")
    parser.add_argument("--cases", type=int, default=PROFILES["quick"].cases, metavar="N")
    parser.add_argument("--right", action="store_true", help="right kernels only")
    given = parser.parse_args()
    with one_thread():
        for name in DECLARATIONS:
            if given.only not in name:
                continue
            for dtype in DTYPES:
                print(f"{name} {dtype}:", asked(partial(alarms, name, dtype, given.cases)))
            if given.right:
                continue
            for fault in FAULTS.values():
                if fault.operation == name:
                    print(f"  {fault.name}:", asked(partial(hunt, fault, given.cases)))


if __name__ == "__main__":
    main()
