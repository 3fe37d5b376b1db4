"""What a report has kept of each defect: its case, its target and its numbers, to be run again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

from bpcheck.cases import parse_case
from bpcheck.checks.outcomes import number
from bpcheck.errors import BpcheckError, UsageError
from bpcheck.report.json import FORMAT

#: Parts that a case text has at most: operation, numbers, dtype, values, layout, seed, cotangent.
_PARTS = 7

#: How a terminal colours, and how logs of CI and failures of pytest begin their lines.
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PREFIX = re.compile(r"^(?:\d{4}-\d\d-\d\dT[\d:.]+Z ?)?(?:E  {2,3}(?= |\S))?", re.MULTILINE)

_ESCAPED = re.compile(r"\\([\W_])")

_COMMAND = re.compile(
    r"\bbpcheck (?:replay|explain)\s+(['\"])(?P<case>.+?)\1[^\S\n]*(?P<rest>[^\n]*)", re.DOTALL
)
_SAID = re.compile(
    r"(?P<element>\b(?:y\d*|\w+_bar)(?:\[[\d,]*\])?)\s+got\s+(?P<got>\S+)"
    r"\s+autograd\s+(?P<autograd>\S+)"
    r"(?:\s+finite\s+differences\s+(?P<differences>\S+))?"
)
_CASE = re.compile(r"(?<![\w./])[\w./]+(?::\w+)?\s+(?:[a-z]+\d+){2,}(?:\s+[\w:,=-]+)*")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One case that a report tells.

    Parameters
    ----------
    case
        Its text form.
    target
        What a shell needs to name the subject, options included; empty where none is told.
    element, said
        The element that the jurors were asked about, and what each said, as it is written; empty
        where that is not told.
    """

    case: str
    target: str = ""
    element: str = ""
    said: tuple[tuple[str, str], ...] = ()


def recorded_in(text: str, *, origin: str) -> tuple[Recorded, ...]:
    r"""The cases of a report, each once: JSON, JUnit XML, or text as it was printed or pasted.

    Raises
    ------
    UsageError
        If there is none.

    Examples
    --------
    >>> said = "x_bar[0,0,1] got 0  autograd 1\nbpcheck replay 'max_pool1d n1ic1iw4kw2' layers"
    >>> recorded_in(said, origin="-")[0].target
    'layers'
    """
    found = tuple(_merged(_read(text, origin)))
    if not found:
        raise UsageError(
            f"--from {origin}: no case of bpcheck stands there; give its JSON report, a JUnit XML "
            "file of pytest, or the text of a failure with its line 'replay' or 'smallest case'"
        )
    return found


def _read(text: str, origin: str) -> Iterator[Recorded]:
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")):
        yield from _in_json(start, origin)
    elif start.startswith("<"):
        yield from _in_xml(start, origin)
    else:
        # The source of Markdown has signs before those that it would read.
        yield from tuple(_in_text(text)) or _in_text(unescape(_ESCAPED.sub(r"\1", text)))


def _merged(found: Iterable[Recorded]) -> Iterator[Recorded]:
    """Each case and target once; where one is told without its target or numbers, the fuller."""
    known: dict[str, list[Recorded]] = {}
    for each in found:
        alike = known.setdefault(each.case, [])
        for at, other in enumerate(alike):
            if not each.target or not other.target or each.target == other.target:
                fuller = other if other.said else each
                alike[at] = Recorded(
                    each.case, other.target or each.target, fuller.element, fuller.said
                )
                break
        else:
            alike.append(each)
    for alike in known.values():
        yield from alike


def _in_json(text: str, origin: str) -> Iterator[Recorded]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        # A log may begin with a bracket.
        found = tuple(_in_text(text))
        if not found:
            raise UsageError(
                f"--from {origin}: this is no JSON that can be read: {error}"
            ) from None
        yield from found
        return
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        yield from _in_text(json.dumps(document, ensure_ascii=False).replace("\\n", "\n"))
        return
    try:
        for report in document["reports"]:
            for judgement in report["judgements"]:
                yield _of_judgement(report, judgement)
    except (KeyError, TypeError, AttributeError):
        raise UsageError(
            f"--from {origin}: the report is not as bpcheck writes it; take the file as it was "
            "written by --json"
        ) from None


def _of_judgement(report: Mapping[str, Any], judgement: Mapping[str, Any]) -> Recorded:
    case, result = str(judgement["smallest_case"]), judgement["result"]
    own = (f for f in report["findings"] if (f["case"], f["result"]) == (case, result))
    index = next((f["index"] for f in own if f["index"] is not None), None)
    where = f"[{','.join(map(str, index))}]" if index else ""
    said = tuple(
        ("got" if each["juror"] == "subject" else each["juror"], number(float(each["value"])))
        for each in judgement["answers"]
    )
    return Recorded(case, report.get("target") or "", f"{result}{where}" if said else "", said)


def _in_xml(text: str, origin: str) -> Iterator[Recorded]:
    try:
        # Expat itself refuses entities that grow; what is read is a person's own file.
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise UsageError(
            f"--from {origin}: this is no XML that can be read: {error}; take the file as pytest "
            "wrote it by --junitxml"
        ) from None
    for each in root.iter():
        for part in (each.text, each.tail, each.get("message"), each.get("value")):
            yield from _in_text(part or "")


def _in_text(text: str) -> Iterator[Recorded]:
    """The cases of a text in their order, each with the numbers that stand before it."""
    text = _PREFIX.sub("", _COLOURS.sub("", text).replace("\r\n", "\n"))
    commands = [(each.start(), each.end(), each) for each in _COMMAND.finditer(text)]
    found: list[tuple[int, Recorded]] = []
    for start, _, command in commands:
        case = _whole(command["case"])
        if case:
            found.append((start, Recorded(case, _target(command["rest"]))))
    for match in _CASE.finditer(text):
        case = _longest(match.group())
        if case and not any(start <= match.start() < end for start, end, _ in commands):
            found.append((match.start(), Recorded(case)))
    places: list[tuple[int, Recorded | re.Match[str]]] = [*_without_twins(found)]
    places += [(match.start(), match) for match in _SAID.finditer(text)]
    said: re.Match[str] | None = None
    told: Recorded | None = None
    for _, each in sorted(places, key=lambda pair: pair[0]):
        if isinstance(each, re.Match):
            said, told = each, None
            continue
        if told is not None and told.case != each.case:
            # They were those of the case above.
            said = None
        told = each
        yield Recorded(each.case, each.target, *_numbers(said)) if said else each


def _without_twins(found: list[tuple[int, Recorded]]) -> Iterator[tuple[int, Recorded]]:
    """Without the lines of smallest cases, which may be broken, whose command stands below."""
    ordered = sorted(found, key=lambda pair: pair[0])
    for at, (place, each) in enumerate(ordered):
        following = ordered[at + 1][1] if at + 1 < len(ordered) else each
        if each.target or not following.target or not _begins_alike(each, following):
            yield place, each


def _begins_alike(one: Recorded, other: Recorded) -> bool:
    """Whether operation and geometry are the same."""
    return one.case.split()[:2] == other.case.split()[:2]


def _numbers(said: re.Match[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    jurors = (("got", "got"), ("autograd", "autograd"), ("finite differences", "differences"))
    return said["element"], tuple((name, said[key]) for name, key in jurors if said[key])


def _target(rest: str) -> str:
    """What names the subject; the placeholder of a report without one is none."""
    rest = rest.strip().rstrip("`")
    return "" if rest.split()[:1] in ([], ["TARGET"]) else rest


def _whole(text: str) -> str:
    """A case that stands in quotes, wherever a terminal has broken its line."""
    for joined in (" ".join(text.split()), " ".join(re.sub(r"\s*\n\s*", "", text).split())):
        if case := _parsed(joined):
            return case
    return ""


def _longest(text: str) -> str:
    """The longest case that a text begins with."""
    words = [word.rstrip(",.;:") for word in text.split()]
    for count in range(min(_PARTS, len(words)), 1, -1):
        if case := _parsed(" ".join(words[:count])):
            return case
    return ""


def _parsed(text: str) -> str:
    try:
        return str(parse_case(text))
    except BpcheckError:
        return ""
