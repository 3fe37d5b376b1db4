"""Annotations of a workflow on GitHub: a defect told at the line where it is."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bpcheck.inert import one_line
from bpcheck.verdict import Report

#: What GitHub takes for the end of a property or of a message, and how that is written.
_ESCAPED = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def are_asked_for() -> bool:
    """Whether this process is a step of a workflow."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotated(report: Report) -> Iterator[str]:
    """A line for each defect of which the line at fault is known, as GitHub reads it.

    Where it is not known, no line of the user's is pointed at.
    """
    for judgement in report.judgements:
        found = judgement.repaired
        if found is not None:
            where = f"file={_escaped(found.file, property_too=True)},line={found.line}"
            said = f"{one_line(judgement.headline)}. Perhaps: {found.repair}"
            yield f"::error {where},title=bpcheck::{_escaped(said)}"


def _escaped(text: str, *, property_too: bool = False) -> str:
    """The text as GitHub reads it back.

    >>> _escaped("100 %"), _escaped("a:b,c", property_too=True)
    ('100 %25', 'a%3Ab%2Cc')
    """
    escaped = {**_ESCAPED, ":": "%3A", ",": "%2C"} if property_too else _ESCAPED
    return "".join(escaped.get(each, each) for each in text)
