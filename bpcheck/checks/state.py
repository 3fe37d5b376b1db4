"""Results that depend on what was called before: told with the calls that show it."""

from __future__ import annotations

from collections.abc import Iterator

from bpcheck.cases import Case
from bpcheck.checks.allowed import slack_between_runs
from bpcheck.checks.claims import refusal
from bpcheck.checks.compare import difference, same_bits
from bpcheck.checks.further import what_broke
from bpcheck.checks.outcomes import element, failed, number
from bpcheck.checks.run import Run
from bpcheck.checks.trial import Trial
from bpcheck.filling import Arrays
from bpcheck.finding import Kind, Outcome

#: The turn of the checks of what is kept between calls: all run other numbers too.
TURN = 0


def unlike(
    trial: Trial,
    check: str,
    run: Run,
    expected: Run,
    *,
    here: str,
    there: str,
    numbers: tuple[Case, Arrays] | None = None,
) -> Iterator[Outcome]:
    """The results of a run that are not the expected ones; `here` and `there` say where each is.

    Both runs were on the `numbers`, by default those of the trial.
    """
    if not expected.is_whole:
        return
    if refusal(trial.subject, run):
        # Who says so keeps nothing back.
        return
    if not run.is_whole:
        # Without a y, no gradient was asked for.
        result = f"{next(iter(trial.arrays.operands))}_bar" if run.vjp else "y"
        why = what_broke(trial, run) if numbers is None else run.why_not
        message = f"{here}, and not {there}: {why}"
        yield failed(trial, check, result, Kind.STATE, message)
        return
    for result, right in expected.got.items():
        if same_bits(run.got[result], right):
            # Nearly always so: what may lie between the two costs more than the runs.
            continue
        slack = slack_between_runs(trial, result, numbers)
        where = difference(run.got[result], right, slack)
        if where is not None:
            message = (
                f"{element(result, where)} is {number(where.got)} {here}, and "
                f"{number(where.expected)} {there}"
            )
            yield failed(trial, check, result, Kind.STATE, message, where)
