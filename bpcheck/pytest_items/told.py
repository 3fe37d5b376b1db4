"""What an item tells: in JUnit files, in the summary, on a workflow's page."""

from __future__ import annotations

import os

import pytest

from bpcheck.inert import annotation, one_line
from bpcheck.pytest_items.keys import ANNOTATION, CLAIMS, MET, PROCESS
from bpcheck.report.claims import said_of_claims
from bpcheck.report.wording import counts, said_of_conventions, shipped
from bpcheck.subject import Subject
from bpcheck.testing import judgements_of
from bpcheck.verdict import Report


def tell_met(item: pytest.Item, report: Report) -> None:
    """Keep what was judged and claimed where the summary finds it, from other processes too."""
    for line in (counts(report), *shipped(report)):
        keep(item, MET, f"{report.subject}, {report.operation}: {line}")
    for line in (*said_of_claims(report), *said_of_conventions(report)):
        keep(item, CLAIMS, f"{report.subject}, {report.operation}: {line}")
    for line in report.notes:
        keep(item, PROCESS, f"{report.subject}, {report.operation}: {line}")


def tell_item(item: pytest.Item, report: Report, check: str, result: str) -> None:
    """Give the item its verdict, its smallest cases and its coverage, as JUnit files carry them."""
    cell = report.table[check][result]
    judgements = judgements_of(report, check, result) if cell.failed else ()
    verdicts = [str(each.verdict) for each in judgements]
    if not verdicts:
        verdicts = ["agrees" if cell.passed else "nothing to judge"]
    told = [("bpcheck verdict", ", ".join(dict.fromkeys(verdicts)))]
    told += [("bpcheck case", each.smallest) for each in judgements]
    judged = f"{cell.passed:,} right and {cell.failed:,} wrong of {counts(report)}"
    for name, text in (*told, ("bpcheck coverage", judged)):
        keep(item, name, text)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # The line of the conformance test: the report itself knows where in the code it may be.
        file, line, _ = item.location
        for each in judgements:
            if each.verdict.is_defect:
                said = f"{report.subject}, {each.headline} (smallest case: {each.smallest})"
                text = annotation(said, file=file, line=(line or 0) + 1)
                item.user_properties.append((ANNOTATION, text))


def keep(item: pytest.Item, name: str, text: str) -> None:
    """Keep a line with the item, as JUnit files and the summary show it."""
    item.user_properties.append((name, one_line(text)))


def target_of(request: pytest.FixtureRequest, subject: Subject) -> str:
    """What names `subject` on the command line, if the test module has a name for it."""
    name = next((n for n, v in vars(request.module).items() if _is_code_of(subject, v)), None)
    return "TARGET" if name is None else f"{os.path.relpath(request.path)}:{name}"


def _is_code_of(subject: Subject, value: object) -> bool:
    """Whether a value is `subject`, or the same code with other claims."""
    if not isinstance(value, type(subject)):
        return False
    return (value.forward, value.vjp, value.operation) == (
        subject.forward,
        subject.vjp,
        subject.operation,
    )
