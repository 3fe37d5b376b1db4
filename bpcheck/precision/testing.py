"""A baseline as tests: what one result of one subject lost, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bpcheck.operations import HasReductions
from bpcheck.precision.baseline import entry_of, load
from bpcheck.precision.causes import cause_line, causes
from bpcheck.precision.compare import Comparison
from bpcheck.precision.measure import Measurement, measure
from bpcheck.precision.repeat import compare_with
from bpcheck.precision.summary import write_summary
from bpcheck.precision.table import verdict
from bpcheck.subject import Subject


def comparison_of(
    subject: Subject, file: Path, *, measuring: Callable[..., Measurement] = measure
) -> Comparison | None:
    """`subject` measured and judged by its entry in a baseline file.

    ``None`` for an operation that has no ladder of lengths. `measuring` is what measures it.

    Raises
    ------
    BpcheckError
        If the file cannot be used, or holds no entry of this subject.
    """
    if not isinstance(subject.operation, HasReductions):
        return None
    recorded = load(file)
    baseline = entry_of(recorded, operation=subject.operation, name=subject.name, origin=str(file))
    comparison = compare_with(baseline, subject, among=len(recorded), measuring=measuring)
    write_summary([comparison])
    return comparison


def lost(comparison: Comparison, result: str) -> str:
    """What `result` lost, one line a cause, and the rule it was judged by; empty if nothing."""
    told = causes(comparison, comparison.losses)
    lines = [cause_line(cause) for cause in told if result in cause.results]
    if lines:
        own = (each for each in comparison.reordered if each.split(maxsplit=1)[0] == result)
        lines += [f"sums in another order: {each}" for each in own]
    if lines and comparison.environment:
        lines.append(
            f"Another environment ({'; '.join(comparison.environment)}): only ratios above "
            f"{comparison.effect:g} count."
        )
    return "\n".join(["precision lost", *lines]) if lines else ""


def why_not_measured(comparison: Comparison, result: str) -> str:
    """Why nothing of `result` was compared; empty if something was."""
    if any(change.result == result for change in comparison.changes):
        return ""
    if comparison.baseline.settings.results and result not in comparison.baseline.settings.results:
        held = ", ".join(comparison.baseline.settings.results)
        return f"the baseline holds {held} alone; record {result} too"
    return f"{result} of {comparison.baseline.operation} is no sum to measure"


def remarks(comparison: Comparison) -> tuple[str, ...]:
    """What must not stay unsaid where nothing fails: another environment, and gains."""
    said = []
    title = comparison.baseline.title
    if comparison.environment:
        said.append(
            f"precision of {title}: another environment ({'; '.join(comparison.environment)}): "
            f"only ratios above {comparison.effect:g} that no order of summation explains count"
        )
    if comparison.gains and not comparison.losses:
        said.append(f"precision of {title}: {verdict(comparison)}")
    return tuple(said)
