"""Time and memory of a subject beside torch's, family by family, on the same cases."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Any, Protocol

import numpy as np

from bpcheck.calls import call, own_arithmetic
from bpcheck.cases import Case
from bpcheck.checks.claims import unclaimed
from bpcheck.errors import CaseError
from bpcheck.filling import fill
from bpcheck.operations.families import Family
from bpcheck.operations.outputs import parted
from bpcheck.planning.limits import Limits
from bpcheck.planning.plan import plan
from bpcheck.planning.profiles import profile_named
from bpcheck.planning.shipped import Shipped
from bpcheck.runner.peak import peak_of
from bpcheck.runner.process.death import LostError
from bpcheck.runner.site import Site
from bpcheck.runner.threads import one_thread
from bpcheck.subject import Subject
from bpcheck.verdict import Report
from bpcheck.verdict.timed import Step, Timed, Timing

#: Interleaved runs of a case; seconds of a forward with its vjp from which a case is large enough,
#: and its multiplications at most; seconds after which no further family is begun.
ROUNDS, ENOUGH, MOST_WORK, PATIENCE = 9, 0.004, 1 << 22, 60.0

#: Cases that are timed of an operation that has no families.
_WITHOUT_FAMILIES = 3


class _Runner(Protocol):
    """Who computes a case: the subject, or torch."""

    def forward(self) -> Any:
        """``y``, with whatever the vjp needs."""
        ...

    def vjp(self, made: Any) -> Any:
        """All gradients, from what the forward made."""
        ...


def with_timing(place: Site, report: Report, notify: Callable[[str], None]) -> Report:
    """The report with time and memory of its subject, taken where that runs.

    One that was interrupted stays as it is.
    """
    if not report.is_complete:
        return report
    # What layers are run in, where it was judged.
    dtype = "float32" if "float32" in report.dtypes or not report.dtypes else report.dtypes[0]
    try:
        found: Timing = place.do(timing, report.seed, dtype, Limits(report.largest), on_news=notify)
    except LostError as lost:
        return replace(report, notes=(*report.notes, f"not timed: {lost}"))
    return replace(report, timing=found)


def timing(
    subject: Subject,
    tell: Callable[[Any], None],
    seed: int,
    dtype: str,
    limits: Limits,
    patience: float = PATIENCE,
) -> Timing:
    """Time and memory for each family that the subject takes, in one thread."""
    import torch  # noqa: F401 - loading it takes none of the patience

    began, rows, left = time.monotonic(), list[Timed](), 0
    with one_thread(), own_arithmetic():
        for name, family, case in _cases(subject, seed, dtype, limits):
            if time.monotonic() - began > patience:
                left += 1
                continue
            tell(name)
            found = _timed(subject, name, family, case)
            if found is not None:
                rows.append(found)
    return Timing(tuple(rows), left)


def _cases(
    subject: Subject, seed: int, dtype: str, limits: Limits
) -> Iterator[tuple[str, Family | None, Case]]:
    """A small case of each family that is claimed, those of most models first."""
    operation = subject.operation
    rng = np.random.default_rng((seed, *b"timing"))
    shipped = Shipped(operation, (dtype,), rng=rng, limits=limits)
    for family in operation.families:
        geometry = shipped.layer_of(family, frozenset())
        if geometry is None:
            continue
        case = Case(operation, geometry, dtype=dtype, values="real", seed=seed)
        if not unclaimed(subject, case):
            yield family.name, family, case
    if not operation.families:
        yield from _any_cases(subject, seed, dtype)


def _any_cases(subject: Subject, seed: int, dtype: str) -> Iterator[tuple[str, None, Case]]:
    """The largest of some cases of a plan."""
    stream = plan(subject.operation, profile=profile_named("quick"), dtypes=[dtype], seed=seed)
    drawn = (
        replace(case, values="real", layout="c-order", one_hot=None) for case in islice(stream, 60)
    )
    claimed = [case for case in drawn if not unclaimed(subject, case)]
    claimed.sort(key=lambda case: -case.operation.multiplications(case.geometry))
    for case in claimed[:_WITHOUT_FAMILIES]:
        yield str(case).split(maxsplit=2)[1], None, case


def _timed(subject: Subject, name: str, family: Family | None, case: Case) -> Timed | None:
    """How long a family takes, on a case that is large enough; ``None`` where it fails."""
    own = _own(subject, case)
    seconds = None if own is None else _seconds(own)
    while own is not None and seconds is not None and seconds < ENOUGH:
        larger = None if family is None else _larger(subject, family, case)
        if larger is None:
            break
        case, own = larger, _own(subject, larger)
        seconds = None if own is None else _seconds(own)
    if own is None or seconds is None:
        return None
    found = _measured(own, _torchs(case))
    return None if found is None else Timed(name, str(case), *found)


def _larger(subject: Subject, family: Family, case: Case) -> Case | None:
    """The case with some of its numbers twice as large, if it is still one of the family.

    The smallest numbers grow first, so that all do by turns.
    """
    operation, numbers = case.operation, case.geometry.numbers()
    free = [key for key in operation.keys if key not in family.numbers]
    free.sort(key=lambda key: numbers[key])
    before = operation.multiplications(case.geometry)
    for many in (1, 2, 3):
        for keys in combinations(free, many):
            grown = numbers | {key: 2 * numbers[key] for key in keys}
            with contextlib.suppress(CaseError):
                geometry = operation.geometry({key: grown[key] for key in operation.keys})
                larger = replace(case, geometry=geometry)
                if not before < operation.multiplications(geometry) <= MOST_WORK:
                    continue
                if family.holds(geometry) and not unclaimed(subject, larger):
                    return larger
    return None


@dataclass(frozen=True)
class _OfArrays:
    """A forward and a vjp on arrays."""

    subject: Subject
    operands: tuple[Any, ...]
    params: Mapping[str, Any]
    y_bar: Any

    def forward(self) -> Any:
        return self.subject.forward(*self.operands, **self.params)

    def vjp(self, made: Any) -> Any:
        return self.subject.vjp(made[1], self.y_bar)


@dataclass(frozen=True)
class _OfTensors:
    """A function on tensors, without what an adapter does about it."""

    function: Callable[[Mapping[str, Any]], Any]
    leaves: Mapping[str, Any]
    y_bar: Any

    def forward(self) -> Any:
        import torch

        with torch.enable_grad():
            return self.function(self.leaves)

    def vjp(self, made: Any) -> Any:
        import torch

        leaves = list(self.leaves.values())
        return torch.autograd.grad(made, leaves, self.y_bar, allow_unused=True)


def _tensors(case: Case) -> tuple[dict[str, Any], Any]:
    import torch

    from bpcheck.adapters.torch_tensors import to_tensor

    arrays, device = fill(case), torch.device("cpu")
    leaves = {
        name: to_tensor(array, device).tensor.requires_grad_()
        for name, array in arrays.operands.items()
    }
    return leaves, to_tensor(arrays.y_bar, device).tensor


def _torchs(case: Case) -> _Runner:
    """Torch's own operation on a case."""
    leaves, y_bar = _tensors(case)
    params = case.params
    return _OfTensors(
        lambda given: case.operation.torch_forward(dict(given), params), leaves, y_bar
    )


def _own(subject: Subject, case: Case) -> _Runner | None:
    """Who computes the case by the subject; ``None`` where its tensors lie on another device."""
    params, names = subject.accepted(case.params), case.operation.operands
    code = subject.tensors
    if code is None:
        arrays = fill(case)
        operands = tuple(arrays.operands.get(name) for name in names)
        y_bar = parted(arrays.y_bar, case.outputs) if case.outputs else arrays.y_bar
        return _OfArrays(subject, operands, params, y_bar)
    if str(code.device) != "cpu":
        return None
    leaves, y_bar = _tensors(case)
    return _OfTensors(
        lambda given: code.on_tensors(*(given.get(name) for name in names), **params),
        leaves,
        y_bar,
    )


def _seconds(runner: _Runner) -> float | None:
    """What a forward with its vjp takes at best; ``None`` where it fails."""
    ended = [call(_once, runner) for _ in range(3)]
    return min(sum(each.value) for each in ended) if all(e.returned for e in ended) else None


def _once(runner: _Runner) -> tuple[float, float]:
    """Seconds of a forward, and of its vjp."""
    began = time.perf_counter()
    made = runner.forward()
    between = time.perf_counter()
    runner.vjp(made)
    return between - began, time.perf_counter() - between


def _measured(own: _Runner, torch: _Runner) -> tuple[Step, Step] | None:
    """Forward and vjp of the subject beside those of torch."""
    pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
    _once(torch)
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(ROUNDS):
            # By turns, so that what the one leaves in the caches serves either.
            first = call(_once, own) if turn % 2 else None
            others = _once(torch)
            ended = first or call(_once, own)
            if not ended.returned:
                return None
            pairs.append((ended.value, others))
    finally:
        if was_collecting:
            gc.enable()
    peaks = call(_peaks, own)
    if not peaks.returned:
        return None
    forward, vjp = (
        _step([(one[part], other[part]) for one, other in pairs], mine, theirs)
        for part, (mine, theirs) in enumerate(zip(peaks.value, _peaks(torch), strict=True))
    )
    return forward, vjp


def _peaks(runner: _Runner) -> tuple[int, int]:
    """Peak memory of the forward, with all that it keeps, and of the vjp."""
    forward = peak_of(runner.forward)
    # Each of the two calls has a forward of its own: a graph serves once.
    waiting = [runner.forward(), runner.forward()]
    return forward, peak_of(lambda: runner.vjp(waiting.pop()))


def _step(pairs: list[tuple[float, float]], mine: int, theirs: int) -> Step:
    ratios = np.array([own / max(torch, 1e-9) for own, torch in pairs])
    low, middle, high = (float(each) for each in np.percentile(ratios, (25, 50, 75)))
    seconds = float(np.median([own for own, _ in pairs]))
    return Step(middle, low, high, seconds, mine / max(theirs, 1), mine)
