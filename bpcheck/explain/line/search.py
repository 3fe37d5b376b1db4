"""The search for the line at fault: the lines that ran, and changes of one until all is right."""

from __future__ import annotations

import linecache
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from types import CodeType

from bpcheck.explain.line.edit import Edit
from bpcheck.explain.line.example import Example, Grade
from bpcheck.explain.line.spectrum import ranked
from bpcheck.explain.line.statements import Source
from bpcheck.explain.line.swapping import Loaded, codes_in, loaded_from, swapped
from bpcheck.explain.line.tracing import lines_run
from bpcheck.imports.errors import is_users_file, shorten
from bpcheck.verdict.repaired import Repaired

#: Changes that are tried in all, and of one line.
MOST, MOST_OF_LINE = 3_000, 400

#: Lines of a file that is looked into.
LONGEST = 5_000

#: Lines that all mend it by some change are too many: any of them may be meant.
AMBIGUOUS = 3


@dataclass(frozen=True, slots=True)
class _Change:
    rank: int
    line: int
    source: Source
    file: str
    functions: list[Loaded]
    edit: Edit


def repaired(
    failing: Sequence[Example],
    passing: Sequence[Example],
    further: Sequence[Example],
    *,
    seconds: float,
) -> Repaired | None:
    """The line of which one small change mends all failing cases, and harms no passing one.

    Parameters
    ----------
    failing, passing
        Cases of the run; the grade of a passing one tells whether what was right still is.
    further
        Cases in which other results are wrong; no more of them may be with the change.
    seconds
        When the search is given up, and nothing is told.

    Returns
    -------
    Repaired
        ``None`` where no change does it, or changes of several lines do.
    """
    until = time.monotonic() + seconds
    found: list[_Change] = []
    grades: list[Grade] = []
    tried = 0
    for change in _changes(failing, passing):
        # Plainer changes come first, and those of one weight compete.
        if found and change.edit.weight > found[0].edit.weight:
            break
        if time.monotonic() > until or tried >= MOST:
            # Another line that was not tried yet may be mended as plainly.
            return None
        tried += 1
        if any(each.line == change.line and each.file == change.file for each in found):
            continue
        examples = [*failing, *passing, *further]
        grade = _grade(change, examples)
        # What was a special case and is none in any case tried is moved, and not mended.
        if grade and not any(
            _grade(replace(change, edit=each), examples) for each in change.edit.one_way
        ):
            found.append(change)
            grades.append(grade)
    # One slip that spoils several results is where one change mends them all.
    best = [each for each, grade in zip(found, grades, strict=True) if grade == max(grades)]
    return _best(best, failing, passing)


def _changes(failing: Sequence[Example], passing: Sequence[Example]) -> list[_Change]:
    """All that is tried: the plainest first, of these what is in the most suspicious lines."""
    found = [
        _Change(rank, line, source, file, functions, edit)
        for rank, file, source, line, functions in _suspects(failing, passing)
        for edit in islice(source.edits(line), MOST_OF_LINE)
    ]
    return sorted(found, key=lambda each: (each.edit.weight, each.rank, -each.line))


def _suspects(
    failing: Sequence[Example], passing: Sequence[Example]
) -> Iterator[tuple[int, str, Source, int, list[Loaded]]]:
    """The statements that ran in failing cases, the most suspicious first."""
    spectra = [[lines_run(each.run, _is_users) for each in cases] for cases in (failing, passing)]
    sources: dict[str, tuple[Source, list[Loaded]] | None] = {}
    seen: set[tuple[str, int]] = set()
    before, rank = -1.0, -1
    # Of lines that run alike the last first: what goes wrong is nearer to the end.
    suspects = sorted(ranked(*spectra), key=lambda each: (-each[0], -each[1][1]))
    for suspicion, (code, line) in suspects:
        file = code.co_filename
        if file not in sources:
            sources[file] = _source_of(code)
        known = sources[file]
        if known is None:
            continue
        source, functions = known
        first = source.first_line(line)
        if not first or (file, first) in seen:
            continue
        seen.add((file, first))
        rank += suspicion != before
        before = suspicion
        yield rank, file, source, first, functions


def _is_users(code: CodeType) -> bool:
    return is_users_file(code.co_filename) and not code.co_filename.startswith("<")


def _source_of(code: CodeType) -> tuple[Source, list[Loaded]] | None:
    """The source of a code that is loaded; ``None`` where it is another one by now."""
    text = "".join(linecache.getlines(code.co_filename))
    if not text or text.count("\n") > LONGEST:
        return None
    try:
        again = codes_in(compile(text, code.co_filename, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return None
    if again.get((code.co_qualname, code.co_firstlineno)) != code:
        return None
    return Source(text), loaded_from(code.co_filename)


def _grade(change: _Change, examples: Sequence[Example]) -> Grade:
    """How right all cases are with a change: as right as the worst of them."""
    try:
        text = change.source.changed(change.edit)
        changed = compile(text, change.file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return Grade.WRONG
    worst = Grade.ALL_RIGHT
    with swapped(change.functions, changed) as is_changed:
        for each in examples if is_changed else ():
            worst = min(worst, each.grade())
            if worst is Grade.WRONG:
                break
    return worst if is_changed else Grade.WRONG


def _best(
    found: Sequence[_Change], failing: Sequence[Example], passing: Sequence[Example]
) -> Repaired | None:
    """The change of the most suspicious line; nothing where any of many lines may be meant."""
    # What is written once is meant once: a change in one place is plainer than in several.
    fewest = min((len(each.edit.changes) for each in found), default=0)
    found = [each for each in found if len(each.edit.changes) == fewest]
    if not 0 < len(found) < AMBIGUOUS:
        return None
    chosen = min(found, key=lambda each: (each.rank, -each.line))
    changed = chosen.edit.applied(chosen.source.lines)
    pairs = enumerate(zip(chosen.source.lines, changed, strict=True), 1)
    line, (old, new) = next((number, both) for number, both in pairs if both[0] != both[1])
    return Repaired(
        shorten(chosen.file), line, old.strip(), new.strip(), len(failing), len(passing)
    )
