"""What a report says of claims: which are made, what they leave out, and which are not needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bpcheck.verdict import Report

#: How many kinds of refusals that were seen are spelt out.
LISTED = 4


def said_of_claims(report: Report, *, is_concluded: bool = False) -> Iterator[str]:
    """What the subject claims, what it does not, and what it need not claim, a line each.

    With `is_concluded`, what it does not claim is said elsewhere.
    """
    if report.claimed:
        yield f"claims: {_row(report.claimed)}"
    if report.left_out and not is_concluded:
        yield f"not claimed: {left_out(report)}"
    if report.not_needed:
        yield f"claims that seem not to be needed: {'; '.join(report.not_needed)}"


def left_out(report: Report) -> str:
    """What is not claimed; of refusals that were seen the first few, with their cases."""
    every = report.left_out.items()
    stated = [what for what, count in every if not count]
    seen = [f"{why} ({count:,} case{'' if count == 1 else 's'})" for why, count in every if count]
    rest = [f"and {len(seen) - LISTED} more"] if len(seen) > LISTED else []
    return _row([*stated, *seen[:LISTED], *rest])


def _row(items: Sequence[str]) -> str:
    """The items in a row, parted by what none of them holds.

    Examples
    --------
    >>> _row(["NaN", "padding"]), _row(["NaN", "only 1, 2 or 3"])
    ('NaN, padding', 'NaN; only 1, 2 or 3')
    """
    return ("; " if any("," in each for each in items) else ", ").join(items)
