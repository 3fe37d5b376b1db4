"""A comparison as Markdown, for the summary page of a GitHub workflow."""

from __future__ import annotations

from collections.abc import Sequence

from bpcheck.files import append_to_summary
from bpcheck.inert import in_markdown
from bpcheck.precision.causes import cause_line, causes
from bpcheck.precision.compare import Change, Comparison, Outcome
from bpcheck.precision.table import verdict

#: Changes listed for each subject.
_LISTED = 30


def markdown(comparisons: Sequence[Comparison]) -> str:
    """One section for each subject: the verdict, the environment if it differs, the changes."""
    return "\n".join(
        ["## Precision", "", *(line for each in comparisons for line in _section(each))]
    )


def _section(comparison: Comparison) -> list[str]:
    sign = "❌" if comparison.losses else "✅"
    title, said = in_markdown(comparison.baseline.title), in_markdown(verdict(comparison))
    lines = [f"### {sign} {title}", "", said, ""]
    if comparison.environment:
        differs = in_markdown("; ".join(comparison.environment))
        lines += [f"Another environment ({differs}): ratios above {comparison.effect:g} count.", ""]
    changes = (*comparison.losses, *comparison.gains)
    for sign, own in (("❌", comparison.losses), ("gain:", comparison.gains)):
        lines += [f"- {sign} {in_markdown(cause_line(cause))}" for cause in causes(comparison, own)]
    lines += [f"- sums in another order: {in_markdown(each)}" for each in comparison.reordered]
    if changes:
        lines += ["", "<details><summary>every comparison</summary>", ""]
        lines += ["| | result | dtype | data | terms | metric | ratio | p |", "|---" * 8 + "|"]
        lines += [_row(change) for change in changes[:_LISTED]]
        if len(changes) > _LISTED:
            lines += ["", f"and {len(changes) - _LISTED} more"]
        lines += ["", "</details>", ""]
    return lines


def _row(change: Change) -> str:
    sign = "❌ loss" if change.outcome is Outcome.LOSS else "gain"
    terms = f"{change.shortest:,} to {change.longest:,}"
    return (
        f"| {sign} | {change.result} | {change.dtype} | {change.kind} | {terms} | {change.metric} "
        f"| {change.ratio:.3g} | {change.chance:.1g} |"
    )


def write_summary(comparisons: Sequence[Comparison]) -> None:
    """Append to the step's summary, where there is one."""
    append_to_summary(markdown(comparisons) if comparisons else "")
