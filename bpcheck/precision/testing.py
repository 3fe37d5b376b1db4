"""A baseline as tests: what one result of one subject lost, in words."""

from __future__ import annotations

from pathlib import Path

from bpcheck.operations import operation_named
from bpcheck.operations.reductions import HasReductions
from bpcheck.precision.baseline import entry_of, load
from bpcheck.precision.compare import Comparison
from bpcheck.precision.repeat import compare_with
from bpcheck.precision.summary import write_summary
from bpcheck.precision.table import describe
from bpcheck.subject import Subject


def comparison_of(subject: Subject, file: Path) -> Comparison | None:
    """`subject` measured and judged by its entry in a baseline file.

    ``None`` for an operation that has no ladder of lengths.

    Raises
    ------
    BpcheckError
        If the file cannot be used, or holds no entry of this subject.
    """
    if not isinstance(operation_named(subject.operation), HasReductions):
        return None
    recorded = load(file)
    baseline = entry_of(recorded, operation=subject.operation, name=subject.name, origin=str(file))
    comparison = compare_with(baseline, subject, among=len(recorded))
    write_summary([comparison])
    return comparison


def lost(comparison: Comparison, result: str) -> str:
    """What `result` lost, one line each, and the rule it was judged by; empty if nothing."""
    lines = [describe(change) for change in comparison.losses if change.result == result]
    if lines and comparison.environment:
        lines.append(
            f"Another environment ({'; '.join(comparison.environment)}): only ratios above "
            f"{comparison.effect:g} count."
        )
    return "\n".join(["precision lost", *lines]) if lines else ""


def is_measured(comparison: Comparison, result: str) -> bool:
    """Whether anything of `result` was compared."""
    return any(change.result == result for change in comparison.changes)
