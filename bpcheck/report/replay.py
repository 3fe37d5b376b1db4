"""One case replayed: its arrays, what the subject and each oracle say, how every check ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from rich.console import Console
from rich.text import Text

from bpcheck.arithmetic import Array
from bpcheck.cases import Case
from bpcheck.filling import Arrays
from bpcheck.finding import Outcome, Status
from bpcheck.report.terminal import plain
from bpcheck.verdict import Verdict
from bpcheck.verdict.jury import Ruling

#: Arrays of up to this many elements are printed whole.
SMALL = 64

#: Of larger arrays, this many of the elements that are furthest off are printed.
WORST = 8

_MARKS = {
    Status.PASSED: ("✓", "green"),
    Status.FAILED: ("✗", "bold red"),
    Status.NOT_APPLICABLE: ("·", "dim"),
}


class Replayed(Protocol):
    """What a run of one case gives."""

    @property
    def case(self) -> Case: ...
    @property
    def outcomes(self) -> Sequence[Outcome]: ...
    @property
    def arrays(self) -> Arrays: ...
    @property
    def got(self) -> Mapping[str, Array | None]: ...
    @property
    def autograd(self) -> Mapping[str, Array] | None: ...
    @property
    def differences(self) -> Mapping[str, Array | None]: ...
    @property
    def rulings(self) -> Sequence[Ruling]: ...
    @property
    def unsupported(self) -> str: ...
    @property
    def worked(self) -> Mapping[str, Sequence[str]]: ...


def print_replay(replayed: Replayed, console: Console) -> None:
    """Print everything about one case."""
    case = replayed.case
    _print(console, str(case), style="bold")
    for name, value in case.params.items():
        _print(console, f"  {name} = {value}")
    for name, array in {**replayed.arrays.operands, "y_bar": replayed.arrays.y_bar}.items():
        _print_array(console, f"{name}  {array.dtype.name} {array.shape}", array)
    if not replayed.unsupported:
        for result in case.shapes:
            _print_result(console, replayed, result)
        for result, lines in replayed.worked.items():
            _print(console, f"\n{result} by hand", style="bold")
            for line in lines:
                _print(console, f"  {line}")
        _print(console, "\nchecks", style="bold")
        _print_outcomes(console, replayed.outcomes)
    console.print()
    _print_verdict(console, replayed)


def _print_result(console: Console, replayed: Replayed, result: str) -> None:
    got = replayed.got.get(result)
    oracles = {
        "autograd": (replayed.autograd or {}).get(result),
        "finite differences": replayed.differences.get(result),
    }
    if got is None:
        _print(console, f"\n{result}: the subject gave nothing that can be compared", style="bold")
    else:
        _print_array(console, f"{result}  {got.shape}", got)
    failed = any(
        outcome.result == result and outcome.status is Status.FAILED
        for outcome in replayed.outcomes
    )
    for oracle, expected in oracles.items():
        if expected is None:
            continue
        if got is None or got.shape != expected.shape:
            _print_array(console, f"{result} by {oracle}  {expected.shape}", expected)
        elif np.array_equal(got, expected, equal_nan=True):
            _print(console, f"  {oracle}: the same numbers", style="green")
        elif failed or any(ruling.result == result for ruling in replayed.rulings):
            _print_difference(console, result, oracle, got, expected)
        else:
            error = np.abs(got - expected).max()
            _print(console, f"  {oracle}: off by {error:.3g} at most, which rounding explains")


def _print_difference(
    console: Console, result: str, oracle: str, got: Array, expected: Array
) -> None:
    with np.errstate(invalid="ignore"):
        error = got - expected
    if got.size <= SMALL:
        _print_array(console, f"{result} by {oracle}", expected)
        _print_array(console, f"{result} minus {oracle}", error)
        return
    distance = np.where(np.isnan(error), np.inf, np.abs(error))
    differing = int(np.count_nonzero(distance))
    _print(console, f"  {oracle}: {differing:,} of {got.size:,} elements differ; furthest off are")
    for flat in np.argsort(-distance, axis=None, kind="stable")[: min(WORST, differing)]:
        index = tuple(int(i) for i in np.unravel_index(int(flat), got.shape))
        place = f"{result}[{','.join(map(str, index))}]"
        _print(console, f"    {place}  got {got[index]:.17g}   {oracle} {expected[index]:.17g}")


def _print_array(console: Console, heading: str, array: Array) -> None:
    _print(console, f"\n{heading}", style="bold")
    values = np.asarray(array, np.float64)
    if array.size <= SMALL:
        _print(console, _spelt(values, max(40, console.width - 2)))
        return
    zeros = int(np.count_nonzero(values == 0))
    _print(
        console,
        f"  {array.size:,} elements from {values.min():.6g} to {values.max():.6g}, {zeros:,} zeros",
    )


def _spelt(values: Array, width: int) -> str:
    """The numbers, integers without their point."""
    shown: Any = values
    if values.size and np.isfinite(values).all() and (np.rint(values) == values).all():
        shown = values.astype(np.int64) if np.abs(values).max() < 2**62 else values
    text = np.array2string(shown, max_line_width=width, threshold=SMALL + 1)
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _print_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print how the checks ended, in one line what ended in the same way."""
    alike: dict[tuple[str, Status, str], list[str]] = {}
    silent: dict[str, list[str]] = {}
    for check, own in groupby(outcomes, key=attrgetter("check")):
        ended = list(own)
        if all(outcome.status is Status.NOT_APPLICABLE for outcome in ended):
            silent.setdefault(ended[-1].note, []).append(check)
            continue
        for outcome in ended:
            said = outcome.finding.message if outcome.finding else outcome.note
            alike.setdefault((check, outcome.status, said), []).append(outcome.result)
    for (check, status, said), results in alike.items():
        mark, style = _MARKS[status]
        line = f"  {mark} {check:20} {', '.join(results):26} {said}".rstrip()
        _print(console, line, style=style)
    mark, style = _MARKS[Status.NOT_APPLICABLE]
    for why, checks in silent.items():
        _print(console, f"  {mark} {', '.join(checks)}: {why}", style=style)


def _print_verdict(console: Console, replayed: Replayed) -> None:
    if replayed.unsupported:
        text = f"UNSUPPORTED. The subject does not claim this case: {replayed.unsupported}"
        _print(console, text, style="bold yellow")
        return
    for ruling in replayed.rulings:
        style = "bold red" if ruling.verdict.is_defect else "bold yellow"
        text = f"{ruling.verdict.upper()}. {ruling.result}: {ruling.because}"
        _print(console, text, style=style)
    if not any(ruling.verdict.is_defect for ruling in replayed.rulings):
        judged = any(outcome.status is Status.PASSED for outcome in replayed.outcomes)
        verdict = Verdict.AGREES if judged else Verdict.INCONCLUSIVE
        _print(console, f"{verdict.upper()}.", style="bold green" if judged else "bold yellow")


def _print(console: Console, text: str, *, style: str = "") -> None:
    """Print without wrapping: arrays and case texts are read and copied by their columns."""
    console.print(Text(plain(text, console), style=style), soft_wrap=True)
