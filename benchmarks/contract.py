"""What a backward promises beside its numbers: who finds the violations of public reports.

    python -m benchmarks.contract               # the tables of docs/benchmarks.md
    python -m benchmarks.contract --alarms 300  # right code, so many cases of each operation

Each violation is a right convolution with the mistake of one report (`contract_material`). bpcheck
judges the cases of a quick run until one shows it. `gradcheck` and `gradgradcheck` are called with
each of their options by itself, and count where the right code behind the violation passes that
option; so do the tests of `torch.library.opcheck`. A second table is of violations by somebody who
had not read the rows (`strangers`).
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch.autograd import gradcheck, gradgradcheck

from benchmarks.contract_alarms import alarms
from benchmarks.contract_material import VIOLATIONS, Right, Violation
from benchmarks.contract_material.base import Plain
from benchmarks.contract_material.operators import registered, right
from benchmarks.material import planned
from benchmarks.strangers import strangers
from bpcheck import adapters
from bpcheck.checks.tensors.operator import TESTS
from bpcheck.finding import Status
from bpcheck.runner.one import judge
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject

#: Cases that a quick run judges.
QUICK = 450

#: Shapes and params that the other checkers are asked with: stride, padding, dilation, groups.
SHAPES = (
    ((2, 2, 9), (3, 2, 3), ((2,), (1,), (2,), 1)),
    ((2, 4, 7), (2, 2, 2), ((1,), (0,), (1,), 2)),
)

#: Each option of the two checkers of torch.
OPTIONS: Mapping[str, Callable[..., Any]] = {
    "plain": gradcheck,
    "undefined": partial(gradcheck, check_undefined_grad=True),
    "batched": partial(gradcheck, check_batched_grad=True),
    "dtypes": partial(gradcheck, check_grad_dtypes=True),
    "forward": partial(gradcheck, check_forward_ad=True),
    "batched forward": partial(gradcheck, check_forward_ad=True, check_batched_forward_grad=True),
    "second": gradgradcheck,
    "second, strided": partial(gradgradcheck, gen_non_contig_grad_outputs=True),
    "second, batched": partial(gradgradcheck, check_batched_grad=True),
    "second, forward over reverse": partial(gradgradcheck, check_fwd_over_rev=True),
}

RIGHT_OPERATOR = "fine"


def subject_of(function: Any) -> Subject:
    """The function as a convolution."""
    return adapters.torch(function, operation="conv1d")


def behind(violation: Violation) -> Any:
    """The right code that the violation was made of."""
    if violation.row in TESTS:
        return _right_operator()
    is_right = isinstance(violation.function, type) and issubclass(violation.function, Right)
    return Right if is_right else Plain


@cache
def _right_operator() -> Any:
    return registered(RIGHT_OPERATOR, kernel=right, fake=right)


@cache
def remarked(function: Any) -> frozenset[str]:
    """The rows that have a remark on right code."""
    found = set[str]()
    for case in planned(subject_of(function), count=QUICK, profile="quick"):
        found |= {each.check for each in judge(subject_of(function), case).outcomes if each.remark}
    return frozenset(found)


def by_bpcheck(violation: Violation) -> str:
    """``defect`` or ``told``, with the row that says so first; ``""`` if nothing does."""
    subject, told = subject_of(violation.function), ""
    # Autocast is for functions that say so: the plain one does not.
    base = behind(violation)
    is_base = violation.row == "modes" or violation.function is base
    usual = frozenset[str]() if is_base else remarked(base)
    for case in planned(subject, count=QUICK, profile="quick"):
        judged = judge(subject, case)
        failed = [each for each in judged.outcomes if each.status is Status.FAILED]
        if failed:
            rows = dict.fromkeys(each.check for each in failed)
            own = violation.row if violation.row in rows else next(iter(rows))
            return f"defect ({own})"
        for each in judged.outcomes:
            if each.remark and each.check == violation.row and each.check not in usual:
                told = f"told ({each.check})"
    return told


def by_torch(violation: Violation) -> tuple[str, ...]:
    """The options with which torch's checkers find it."""
    base = behind(violation)
    return tuple(
        name for name in OPTIONS if _passes(base, name) and not _passes(violation.function, name)
    )


@cache
def _passes(function: Any, option: str) -> bool:
    return all(_agrees(function, option, *each) for each in SHAPES)


def _agrees(function: Any, option: str, x: Any, w: Any, params: Any) -> bool:
    make = torch.Generator().manual_seed(0)
    operands = [
        torch.randn(shape, generator=make, dtype=torch.float64, requires_grad=True)
        for shape in (x, w, w[:1])
    ]

    def applied(*given: Any) -> Any:
        is_function = isinstance(function, type)
        return (function.apply if is_function else function)(*given, *params)

    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        try:
            return bool(OPTIONS[option](applied, operands, raise_exception=False))
        except Exception:  # noqa: BLE001 - whatever a checker raises, it has found something
            return False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def by_opcheck(violation: Violation) -> bool | None:
    """Whether `torch.library.opcheck` finds it; ``None`` where it cannot be asked."""
    if violation.row not in TESTS:
        return None
    x, w, params = SHAPES[0]
    operands = [torch.randn(each, requires_grad=True) for each in (x, w, w[:1])]
    with _quiet():
        said = torch.library.opcheck(
            violation.function.default, (*operands, *map(_listed, params)), raise_exception=False
        )
    return any(each != "SUCCESS" for each in said.values())


def _listed(param: Any) -> Any:
    return list(param) if isinstance(param, tuple) else param


def violations() -> None:
    """Print who finds which violation."""
    print("| row | violation | bpcheck | gradcheck, gradgradcheck | opcheck |")
    print("| --- | --- | --- | --- | --- |")
    counts: Counter[str] = Counter()
    for each in VIOLATIONS:
        mine, theirs, operators = by_bpcheck(each), by_torch(each), by_opcheck(each)
        counts["bpcheck"] += bool(mine)
        counts["bpcheck, a defect"] += mine.startswith("defect")
        counts["gradcheck, gradgradcheck"] += bool(theirs)
        counts["opcheck"] += bool(operators)
        asked = "not asked" if operators is None else "found" if operators else "·"
        print(
            f"| {each.row} | [{each.name}]({each.report}) | {mine or '·'} | "
            f"{', '.join(theirs) or '·'} | {asked} |",
            flush=True,
        )
    print(f"\nof {len(VIOLATIONS)}: " + ", ".join(f"{who} {n}" for who, n in counts.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--alarms", type=int, default=0, help="cases of each operation")
    given = parser.parse_args()
    with one_thread():
        if given.alarms:
            alarms(given.alarms)
        else:
            violations()
            strangers()
