"""One item judged: its subject's run is brought about, and its own cell of the report concluded."""

from __future__ import annotations

import pytest

from bpcheck.inert import inert
from bpcheck.pytest_items.again import conclude_again, judge_again
from bpcheck.pytest_items.keys import AGAIN, PRECISION, RUNS, TOLD
from bpcheck.pytest_items.precision import conclude_precision
from bpcheck.pytest_items.runs import run
from bpcheck.pytest_items.told import target_of, tell_item, tell_met
from bpcheck.report.message import brief_message, inconclusive_message, judgement_message
from bpcheck.subject import Subject
from bpcheck.testing import judgements_of
from bpcheck.verdict import Report, Verdict


def conclude_item(
    request: pytest.FixtureRequest, subject: Subject, check: str, result: str
) -> None:
    """End the item of one check and result as it should, running the checks if none has yet."""
    __tracebackhide__ = True
    if check == PRECISION:
        conclude_precision(request.node, subject, result)
        return
    runs = request.config.stash.setdefault(RUNS, {})
    if id(subject) not in runs:
        report = run(request, subject)
        runs[id(subject)] = subject, report
        if not isinstance(report, str):
            tell_met(request.node, report)
            judge_again(request, subject, report)
    report = runs[id(subject)][1]
    if isinstance(report, str):
        pytest.fail(inert(report), pytrace=False)
    told = request.config.stash.setdefault(TOLD, {}).setdefault(id(subject), {})
    target = target_of(request, subject)
    tell_item(request.node, report, check, result)
    conclude(report, check, result, target=target, told=told, item=request.node.name)
    again = request.config.stash.get(AGAIN, {}).get(id(subject))
    if again is not None:
        conclude_again(again, check, result, target=target)
    if not report.table[check][result].passed:
        pytest.skip(f"{check}: nothing to judge of {result}")


def conclude(
    report: Report, check: str, result: str, *, target: str, told: dict[str, str], item: str
) -> None:
    """End the item as its cell of the report says: what was not judged is never a pass.

    `told` are the defects that earlier items have told at length, with the items' names.
    """
    __tracebackhide__ = True
    if report.verdict is Verdict.INCONCLUSIVE:
        pytest.fail(inconclusive_message(report), pytrace=False)
    cell = report.table[check][result]
    if cell.failed:
        judgements = judgements_of(report, check, result)
        defects = [each for each in judgements if each.verdict.is_defect]
        if judgements and not defects:
            pytest.xfail(inert(judgements[0].headline))
        # Two exceptions of one type have one headline, and are two defects.
        keys = [f"{each.headline}, {each.smallest}" for each in defects]
        messages = [
            brief_message(each, item=told[key], target=target)
            if key in told
            else judgement_message(each, target=target)
            for each, key in zip(defects, keys, strict=True)
        ]
        for key in keys:
            told.setdefault(key, item)
        total = cell.failed + cell.passed
        messages.append(f"This check failed for {result} in {cell.failed:,} of {total:,} cases.")
        pytest.fail("\n\n".join(messages), pytrace=False)
