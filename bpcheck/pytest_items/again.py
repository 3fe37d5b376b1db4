"""What failed before, judged beside the plan."""

from __future__ import annotations

import pytest

from bpcheck.inert import inert
from bpcheck.pytest_items.asked import allowed, why_in_process_of
from bpcheck.pytest_items.keys import AGAIN, PROCESS
from bpcheck.pytest_items.told import keep, target_of
from bpcheck.report.again import again_lines
from bpcheck.report.wording import replay_command
from bpcheck.runner.kept import Again, Kept
from bpcheck.runner.placed import placed
from bpcheck.subject import Subject
from bpcheck.verdict import Report


def judge_again(request: pytest.FixtureRequest, subject: Subject, report: Report) -> None:
    """Judge what failed before beside the plan; the report has no part in it."""
    config, target = request.config, target_of(request, subject)
    kept = Kept.of(
        config.rootpath,
        f"{subject.operation} {request.node.nodeid.partition('[')[0]}",
        is_on=not config.getoption("bpcheck_no_cache"),
    )
    again = Again()
    if kept.cases():
        in_process = bool(why_in_process_of(config)[1])
        with placed(subject, in_process=in_process, allowed=allowed(config)) as site:
            again = kept.again(site)
    kept.keep(report, again)
    config.stash.setdefault(AGAIN, {})[id(subject)] = again
    told = {each.smallest for each in report.judgements}
    for line, _ in again_lines(again, told, target):
        said = f"{report.subject}, {report.operation}: {line}"
        keep(request.node, PROCESS, said)


def conclude_again(again: Again, check: str, result: str, *, target: str) -> None:
    """Fail an item whose check fails still for its result in a case that failed before."""
    __tracebackhide__ = True
    for case, rulings in again.failing:
        for ruling in rulings:
            if any((each.check, each.result) == (check, result) for each in ruling.findings):
                replay = replay_command(str(case), target)
                said = f"{result}: {ruling.verdict}, in a case that failed before"
                pytest.fail(inert(f"{said}\n    {ruling.because}\n    {replay}"), pytrace=False)
