"""What a failed test says, as plain text."""

from __future__ import annotations

from bpcheck.inert import inert, one_line
from bpcheck.report import wording
from bpcheck.verdict import Judgement, Report


def judgement_message(judgement: Judgement, *, target: str = "TARGET") -> str:
    """What is wrong, on the smallest case, with what each juror says, and how to see it again.

    Parameters
    ----------
    judgement
        What was concluded.
    target
        What names the subject on the command line, for the replay command.

    Examples
    --------
    >>> from bpcheck.verdict import Verdict
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
        autograd and finite differences are against it
        seen in         212 of 300 cases
        smallest case   avg_pool1d n1ic1iw3kw1sw2
        replay          bpcheck replay 'avg_pool1d n1ic1iw3kw1sw2' layers.py:pool
    """
    rows = list(wording.block(judgement, target=target))
    width = max(len(label) for label, _ in rows) + 3
    lines = [_row(label, text, width) for label, text in rows]
    body = "\n".join(lines).replace("\n", "\n    ")
    return inert(f"{judgement.headline}\n    {body}")


def _row(label: str, text: str, width: int) -> str:
    if label in (wording.BY_HAND, wording.LINE):
        return "\n    ".join((label, *text.splitlines()))
    return f"{label:{width}}{text}" if label else text


def brief_message(judgement: Judgement, *, item: str, target: str = "TARGET") -> str:
    """What another check says of a defect that the test `item` has told at length."""
    replay = f"replay          {wording.replay_command(judgement.smallest, target)}"
    if judgement.why_no_replay:
        replay = f"no replay       {judgement.why_no_replay}"
    return inert(f"{judgement.headline}\n    as told by      {item}\n    {replay}")


def inconclusive_message(report: Report) -> str:
    """Why nothing could be judged, for a run that must not count as passed."""
    return inert(
        "\n    ".join(
            [
                f"nothing could be judged of {one_line(report.subject)}",
                f"{wording.plural(report.cases, 'case')} run",
                *wording.gaps(report),
            ]
        )
    )
