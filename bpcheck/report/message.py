"""Judgements and reports as plain text: failures of tests, assertions, logs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from bpcheck.checks.outcomes import number
from bpcheck.verdict import Judgement, Report, Verdict

_LABEL = 16


def judgement_message(judgement: Judgement, *, target: str = "TARGET") -> str:
    """What is wrong, on the smallest case, with what each juror says, and how to see it again.

    Parameters
    ----------
    judgement
        What was concluded.
    target
        What names the subject on the command line, for the replay hint.

    Examples
    --------
    >>> judgement = Judgement(
    ...     verdict=Verdict.BACKWARD_WRONG,
    ...     result="x_bar",
    ...     because="autograd and finite differences are against it",
    ...     where="stride > 1",
    ...     failing=212,
    ...     judged=300,
    ...     smallest="avg_pool1d n1ic1iw3kw1sw2",
    ...     findings=(),
    ... )
    >>> print(judgement_message(judgement, target="layers.py:pool"))
    x_bar: backward wrong where stride > 1
        because         autograd and finite differences are against it
        failing         212 of 300 cases
        smallest case   avg_pool1d n1ic1iw3kw1sw2
        replay          bpcheck replay 'avg_pool1d n1ic1iw3kw1sw2' layers.py:pool
    """
    lines = [f"    {label:<{_LABEL - 1}} {text}" for label, text in _rows(judgement, target)]
    return "\n".join([judgement.headline, *lines])


def _rows(judgement: Judgement, target: str) -> Iterator[tuple[str, str]]:
    said = [finding.message for finding in judgement.findings]
    if judgement.because not in said:
        yield "because", judgement.because
    yield "failing", f"{judgement.failing} of {judgement.judged} cases"
    yield "smallest case", judgement.smallest
    if judgement.answers:
        yield element(judgement), _answers(judgement)
    else:
        for finding in judgement.findings:
            yield finding.check, finding.message.replace("\n", "\n" + " " * (_LABEL + 4))
    yield "replay", f"bpcheck replay {shlex.quote(judgement.smallest)} {target}"


def element(judgement: Judgement) -> str:
    """The element that the answers are about, such as ``w_bar[0,0,1]``."""
    index = next((found.index for found in judgement.findings if found.index is not None), None)
    return f"{judgement.result}[{','.join(map(str, index))}]" if index else judgement.result


def _answers(judgement: Judgement) -> str:
    return "   ".join(f"{juror} {number(value)}" for juror, value in judgement.answers)


def report_message(report: Report, *, target: str = "TARGET") -> str:
    """The defects of a report, worst first; or, if nothing could be judged, why."""
    subject = f"{report.subject} ({report.operation})"
    if report.verdict is Verdict.INCONCLUSIVE:
        return f"{subject}: {inconclusive_message(report)}"
    defects = [each for each in report.judgements if each.verdict.is_defect]
    counted = f"{len(defects)} defect{'' if len(defects) == 1 else 's'} in {report.cases} cases"
    return "\n\n".join(
        [
            f"{subject}: {report.verdict}; {counted}",
            *(judgement_message(each, target=target) for each in defects),
        ]
    )


def inconclusive_message(report: Report) -> str:
    """Why nothing could be judged, and what to do."""
    reasons = sorted(report.reasons.items(), key=lambda item: -item[1])
    why = "; ".join(f"{reason} ({count} cases)" for reason, count in reasons[:5])
    return (
        f"nothing could be judged: {report.unsupported} cases unsupported, {report.cases} run"
        f"{': ' + why if why else ''}. "
        f"A run that judges nothing is no pass: let the subject claim more, or check more cases"
    )
