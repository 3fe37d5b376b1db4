"""What the benchmark of detection works on: right kernels, and cases of them in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from math import prod

from benchmarks.bfloat16 import in_bfloat16
from benchmarks.loops import loops
from benchmarks.transforms import transform
from benchmarks.unordered import in_any_order
from bpcheck import adapters
from bpcheck.cases import Case
from bpcheck.cases.numbers import SEEDS_APART
from bpcheck.checks.claims import unclaimed
from bpcheck.explain.faults import Fault
from bpcheck.operations import operation_named, operation_names
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import PROFILES
from bpcheck.runner.one import Terms, judge
from bpcheck.subject import Subject
from bpcheck.verdict.judged import Judged

KERNELS = ("reference", "torch", "loops")

#: Torch's own kernels in the dtypes in which they have defects of their own.
HALF = "torch in half precision"

#: Those that bpcheck alone is asked about: the others have no bfloat16, and no word for sums in
#: any order or for transforms.
OWN_KERNELS = (*KERNELS, "bfloat16", HALF, "unordered", "transforms")

#: The operations of those that do not have all of them.
OPERATIONS = {
    "unordered": ("conv1d", "conv2d", "conv3d"),
    "transforms": ("conv1d", "avg_pool1d", "avg_pool2d"),
    # conv3d in bfloat16 has more defects than programs that show them: docs/found-in-torch.md.
    HALF: ("conv2d", "max_pool2d", "avg_pool2d"),
}

#: Numbers in all operands and in ``y`` up to which gradcheck's slow mode takes a second or so.
SMALL = 800

#: Geometries of the plan among which small ones are looked for.
DRAWN = 3_000

#: Layouts of operands that a torch tensor can have.
OF_TENSORS = ("fortran", "channels-last", "transposed", "sliced", "strided")

#: Value kinds in the order in which somebody who checks gradients would try them.
KINDS = ("real", "exact", "ties", "sparse", "wide", "special", "huge", "tiny")


def operations_of(kernels: str) -> tuple[str, ...]:
    """The operations that these kernels cover; the network is one of `reference` alone."""
    if kernels in OPERATIONS:
        return OPERATIONS[kernels]
    return tuple(name for name in operation_names() if kernels == "reference" or name != "network")


@cache
def kernel(kernels: str, operation: str) -> Subject:
    """A right kernel."""
    if kernels == "loops":
        return loops(operation)
    if kernels == "bfloat16":
        return in_bfloat16(kernel("reference", operation))
    if kernels == "unordered":
        return in_any_order(kernel("reference", operation))
    if kernels == "transforms":
        return transform(operation)
    if kernels == HALF:
        # Its own narrow sums are claimed: which there are, docs/found-in-torch.md says.
        right = kernel("torch", operation)
        return right.claiming(dtypes=("float16", "bfloat16"))
    if kernels == "torch":
        # The half precisions of torch's own CPU kernels are not right: docs/found-in-torch.md.
        target = f"torch.nn.functional:{operation}"
        return adapters.load(target, operation=operation, style="torch")
    module = (
        operation[:-2] if operation in operation_names() and operation != "network" else operation
    )
    return adapters.load(f"reference.{module}", operation=operation)


def planned(
    subject: Subject, *, count: int, seed: int = 0, profile: str = "default"
) -> Iterator[Case]:
    """The cases that a run judges, in its order: the first `count` that are claimed."""
    known = subject.operation.dtypes
    dtypes = [name for name in subject.claims.dtypes if name in known]
    stream = plan(subject.operation, profile=PROFILES[profile], dtypes=dtypes, seed=seed)
    return islice((case for case in stream if not unclaimed(subject, case)), count)


def judged_in_a_run(subject: Subject, case: Case, profile: str) -> Judged:
    """What comes of a planned case where a run of the profile judges it: further layers briefly."""
    is_brief = PROFILES[profile].is_further(case.operation, case.seed % SEEDS_APART)
    return judge(subject, case, terms=Terms(is_brief=is_brief))


#: With fewer numbers a case tells one checker from another by chance.
FEW = 24


@cache
def small_cases(operation: str, dtype: str, most: int = SMALL) -> tuple[Case, ...]:
    """Cases that every checker can be asked about; tiny ones and empty batches last."""
    stream = plan(operation_named(operation), profile=PROFILES["default"], dtypes=[dtype], seed=1)
    found = [case for case in islice(stream, DRAWN) if numbers(case) <= most]
    # In a case of a few numbers a checker that draws one direction is right or wrong by its sign.
    return tuple(sorted(found, key=lambda case: (case.geometry.n == 0, numbers(case) < FEW)))


def numbers(case: Case) -> int:
    """Numbers in the operands and in ``y``."""
    return sum(prod(shape) for shape in case.shapes.values())


def representative(fault: Fault, dtype: str) -> Case | None:
    """The first small case in which a fault shows, with the plainest values and layouts that do."""
    operation = operation_for(fault)
    cases, kinds = small_cases(operation, dtype), operation_named(operation).value_kinds
    for keeps_layout in (False, True):
        for kind in (kind for kind in KINDS if kind in kinds):
            for case in cases:
                plain = replace(case, values=kind)
                if not keeps_layout:
                    plain = replace(plain, layout="c-order")
                elif not _has_tensor_layouts(case):
                    continue
                if fault.shows(plain):
                    return plain
    return None


def _has_tensor_layouts(case: Case) -> bool:
    layouts = case.layouts
    return bool(layouts) and all(
        layout in OF_TENSORS for name, layout in layouts.items() if name != "y_bar"
    )


def operation_for(fault: Fault) -> str:
    """The operation in which all checkers meet a fault: a two-dimensional one if there is any."""
    flat = (name for name in fault.operations if name.endswith("2d"))
    return next(flat, fault.operations[0])
